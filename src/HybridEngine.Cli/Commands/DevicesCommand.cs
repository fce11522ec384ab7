using System.CommandLine;
using System.Runtime.InteropServices;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Output;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine devices</c>: what was found, and why the rest was not.</summary>
internal static class DevicesCommand
{
    public static Command Create()
    {
        Command command = new("devices", "Shows the backends of this machine: what was found, what each library probe tried and why it failed.");
        command.SetAction(parse =>
        {
            IReadOnlyList<BackendProbe> probes = Backends.Probe();
            if (parse.GetValue(GlobalOptions.Json))
            {
                JsonLine.Write(w =>
                {
                    w.WriteStartObject();
                    w.WriteString("architecture", RuntimeInformation.ProcessArchitecture.ToString());
                    w.WriteNumber("cpus", Environment.ProcessorCount);
                    w.WriteStartArray("backends");
                    foreach (BackendProbe p in probes)
                    {
                        w.WriteStartObject();
                        w.WriteString("name", p.Name);
                        w.WriteBoolean("available", p.Available);
                        w.WriteString("detail", p.Detail);
                        w.WriteEndObject();
                    }

                    w.WriteEndArray();
                    w.WriteEndObject();
                });
                return 0;
            }

            Console.WriteLine($"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}, {Environment.ProcessorCount} CPUs for this process");
            foreach (BackendProbe p in probes) { Console.WriteLine($"{p.Name,-10} {(p.Available ? "yes" : "no ")}  {p.Detail}"); }
            return 0;
        });
        return command;
    }
}
