global using HybridEngine.Core;
global using HybridEngine.Models;
global using HybridEngine.Training;
global using Xunit;
