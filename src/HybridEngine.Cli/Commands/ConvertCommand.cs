using System.CommandLine;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine convert</c>: between safetensors folders and GGUF, and from llama2.c.</summary>
internal static class ConvertCommand
{
    public static Command Create()
    {
        Argument<string> input = new("in") { Description = "Folder in Hugging Face layout, .gguf file, or llama2.c .bin file." };
        Argument<string> output = new("out") { Description = "A .gguf file, or a folder; replaced as a whole." };
        Option<string?> quantize = new Option<string?>("--quantize") { Description = "Block type of the matrices in a GGUF: q8_0, q6_k, q5_1, q5_0, q4_k, q4_1, q4_0.", HelpName = "TYPE" };
        Option<string?> adapter = new("--adapter") { Description = "A LoRA adapter's folder (PEFT's layout), added into the weights.", HelpName = "PATH" };
        Command command = new("convert", "Writes a model in another format or element type.") { input, output, quantize, adapter };
        command.SetAction(parse =>
        {
            string dtype = parse.GetValue(GlobalOptions.DType)!;
            string? block = parse.GetValue(quantize);
            if (block is not null && dtype != "auto") { throw new InvalidInputException("--dtype and --quantize", $"{dtype} and {block}", "one of them"); }
            StoredType? type = block is not null ? ModelConverter.ParseType("--quantize", block) : dtype == "auto" ? null : ModelConverter.ParseType("--dtype", dtype);
            ConversionResult result = ModelConverter.Convert(parse.GetValue(input)!, parse.GetValue(output)!, type, parse.GetValue(adapter));
            foreach (string note in result.Notes) { Notes.Warning(note); }
            if (parse.GetValue(GlobalOptions.Json))
            {
                JsonLine.Write(w =>
                {
                    w.WriteStartObject();
                    w.WriteString("path", result.Path);
                    w.WriteString("dtype", (result.Type.DType?.ToString() ?? result.Type.Name).ToLowerInvariant());
                    w.WriteNumber("tensors", result.Tensors);
                    w.WriteNumber("bytes", result.Bytes);
                    w.WriteStartArray("notes");
                    foreach (string note in result.Notes) { w.WriteStringValue(note); }
                    w.WriteEndArray();
                    w.WriteEndObject();
                });
            }
            else
            {
                Console.WriteLine($"{result.Path}: {result.Tensors} tensors, {result.Bytes:N0} bytes, matrices in {result.Type.Name}");
            }

            return 0;
        });
        return command;
    }
}
