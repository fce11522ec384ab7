namespace ManagedCuda.BasicTypes;

/// <summary>What a call of the driver says (cuda.h, CUresult). Values that have no name here occur all the same.</summary>
public enum CUResult
{
    /// <summary>All is well; of a query: what was asked for has happened.</summary>
    Success = 0,
    /// <summary>An argument is not one that the call accepts.</summary>
    ErrorInvalidValue = 1,
    /// <summary>The device or the host has no room.</summary>
    ErrorOutOfMemory = 2,
    /// <summary>cuInit was not called.</summary>
    ErrorNotInitialized = 3,
    /// <summary>The process is ending.</summary>
    ErrorDeinitialized = 4,
    /// <summary>The library is a stub of the toolkit, not a driver.</summary>
    ErrorStubLibrary = 34,
    /// <summary>The driver sees no device.</summary>
    ErrorNoDevice = 100,
    /// <summary>There is no device of this number.</summary>
    ErrorInvalidDevice = 101,
    /// <summary>The module's image cannot be read.</summary>
    ErrorInvalidImage = 200,
    /// <summary>No context is current on this thread.</summary>
    ErrorInvalidContext = 201,
    /// <summary>The module has no code for this device.</summary>
    ErrorNoBinaryForGPU = 209,
    /// <summary>The module's PTX does not assemble.</summary>
    ErrorInvalidPtx = 218,
    /// <summary>The module's PTX is of a later version than the driver knows.</summary>
    ErrorUnsupportedPtxVersion = 222,
    /// <summary>Not a handle of the driver.</summary>
    ErrorInvalidHandle = 400,
    /// <summary>The module has no kernel or variable of this name.</summary>
    ErrorNotFound = 500,
    /// <summary>What was asked for has not happened yet.</summary>
    ErrorNotReady = 600,
    /// <summary>A kernel touched memory that is not its own.</summary>
    ErrorIllegalAddress = 700,
    /// <summary>A launch asks for more than a multiprocessor has.</summary>
    ErrorLaunchOutOfResources = 701,
    /// <summary>A kernel failed.</summary>
    ErrorLaunchFailed = 719,
    /// <summary>This device or driver cannot do it.</summary>
    ErrorNotSupported = 801,
    /// <summary>The installed driver is older than the library beside it.</summary>
    ErrorSystemDriverMismatch = 803,
    /// <summary>The call cannot be made while a stream is capturing.</summary>
    ErrorStreamCaptureUnsupported = 900,
    /// <summary>The driver gives no better reason.</summary>
    ErrorUnknown = 999,
}
