using System.CommandLine;
using HybridEngine.Cli.Benchmarks;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Inference;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine bench constraints</c>: what masks add to a decoding step.</summary>
internal static class BenchConstraintsCommand
{
    public static Command Create()
    {
        BenchModel model = new();
        Option<int> batch = Numbers.AtLeast(new Option<int>("--batch") { Description = "Sequences.", DefaultValueFactory = _ => 1, HelpName = "N" }, 1);
        Option<int> fresh = Numbers.AtLeast(new Option<int>("--new") { Description = "New tokens of each sequence, at most.", DefaultValueFactory = _ => 96, HelpName = "N" }, 2);
        Command command = new("constraints", "Times the masks of constraints (first seen, and known) against decoding without them.") { batch, fresh };
        model.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            model.Use(parse, (decoder, tokenizer, name) =>
            {
                if (tokenizer is null) { throw new InvalidInputException("--shape", "a model without a tokenizer", "--model with one"); }
                (ConstraintVocabulary vocabulary, double seconds) = ConstraintRun.Vocabulary(decoder, tokenizer);
                foreach (ConstraintTimes times in ConstraintRun.Run(decoder, tokenizer, vocabulary, parse.GetValue(batch), parse.GetValue(fresh), stop)) { Write(parse.GetValue(GlobalOptions.Json), parse.GetValue(batch), times, vocabulary, seconds, name); }
            });
            return Task.FromResult(0);
        });
        return command;
    }

    private static void Write(bool json, int batch, ConstraintTimes times, ConstraintVocabulary vocabulary, double vocabularySeconds, string model)
    {
        double step = times.FreeSeconds / Math.Max(1, times.Steps - 1), cold = times.ColdSeconds / times.Steps, warm = times.WarmSeconds / times.Steps;
        if (!json)
        {
            Console.WriteLine($"{times.Kind,-11} batch {batch}, {times.Steps} steps: a step {step * 1e3:F2} ms; masks {cold * 1e3:F3} ms a step when new ({cold / step:P2}), {warm * 1e3:F4} ms when known ({warm / step:P2}); longest new mask {times.FirstMaskSeconds * 1e3:F2} ms, compiled in {times.CompileSeconds * 1e3:F1} ms; {vocabulary.Size} tokens read in {vocabularySeconds * 1e3:F0} ms");
            return;
        }

        JsonLine.Write(w =>
        {
            w.WriteStartObject();
            w.WriteString("what", "constraints");
            w.WriteString("kind", times.Kind);
            w.WriteString("model", model);
            w.WriteNumber("batch", batch);
            w.WriteNumber("vocabulary", vocabulary.Size);
            w.WriteNumber("vocabulary_seconds", Math.Round(vocabularySeconds, 5));
            w.WriteNumber("compile_seconds", Math.Round(times.CompileSeconds, 6));
            w.WriteNumber("longest_mask_seconds", Math.Round(times.FirstMaskSeconds, 6));
            w.WriteNumber("steps", times.Steps);
            w.WriteNumber("step_seconds", Math.Round(step, 6));
            w.WriteNumber("mask_seconds_new", Math.Round(cold, 7));
            w.WriteNumber("mask_seconds_known", Math.Round(warm, 8));
            w.WriteNumber("overhead_new", Math.Round(cold / step, 5));
            w.WriteNumber("overhead_known", Math.Round(warm / step, 6));
            w.WriteEndObject();
        });
    }
}
