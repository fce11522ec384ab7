using System.CommandLine;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Input;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine generate</c>: all prompts through one continuous batch, results in input order.</summary>
internal static class GenerateCommand
{
    public static Command Create()
    {
        Option<string> model = ModelOption.Create();
        Option<string?> prompt = new("--prompt") { Description = "The text to continue.", HelpName = "TEXT" };
        IdsOption ids = new("--prompt-ids", "Token ids to continue, such as 1,2,3.");
        Option<string?> input = new("--input") { Description = "JSON Lines of prompt, prompt_token_ids or messages, with sampling fields that win over the options; - is standard input.", HelpName = "FILE" };
        Option<bool> chat = new("--chat") { Description = "The prompt is a user's message: render it with the model's chat template." };
        Option<string?> system = new("--system") { Description = "System message of --chat.", HelpName = "TEXT" };
        Option<int> n = Numbers.AtLeast(new Option<int>("--n") { Description = "Completions of each prompt.", DefaultValueFactory = _ => 1, HelpName = "N" }, 1);
        Option<int> top = Numbers.AtLeast(new Option<int>("--logprobs") { Description = "Also the K most likely tokens at each position.", DefaultValueFactory = _ => 0, HelpName = "K" }, 0);
        Option<int> bestOf = Numbers.AtLeast(new Option<int>("--best-of") { Description = "Generate this many completions of each prompt and give the --n of greatest mean log-probability; 0 is as many as are given.", DefaultValueFactory = _ => 0, HelpName = "N" }, 0);
        Option<int> promptTop = Numbers.AtLeast(new Option<int>("--prompt-logprobs") { Description = "Also the prompt's log-probabilities and their K most likely tokens (as logprobs prints them); -1 is off.", DefaultValueFactory = _ => -1, HelpName = "K" }, -1);
        Option<bool> sampled = new("--sampled-logprobs") { Description = "Also the log-probabilities of the distribution that was drawn from, after penalties and filters." };
        Option<int> batch = Numbers.AtLeast(new Option<int>("--max-batch") { Description = "Sequences that run at once.", DefaultValueFactory = _ => 256, HelpName = "N" }, 1);
        Option<bool> timing = new("--timing") { Description = "A last line with tokens and seconds." };
        AdapterOption adapter = new();
        SamplingArguments sampling = new();
        BeamArguments beam = new();
        SpeculationArguments speculation = new();
        ConstraintArguments constraint = new();
        Command command = new("generate", "Continues prompts.") { model, prompt, input, chat, system };
        TypeOptions.AddTo(command);
        ids.AddTo(command);
        adapter.AddTo(command);
        sampling.AddTo(command);
        beam.AddTo(command);
        constraint.AddTo(command, choice: true);
        speculation.AddTo(command);
        foreach (Option option in new Option[] { n, bestOf, top, promptTop, sampled, batch, timing }) { command.Options.Add(option); }
        command.SetAction((parse, stop) =>
        {
            OneOf.Require(("--prompt", parse.GetValue(prompt) is not null), ("--prompt-ids", ids.Read(parse) is not null), ("--input", parse.GetValue(input) is not null));
            if (parse.GetValue(system) is not null && !parse.GetValue(chat)) { throw new InvalidInputException("--system", "no --chat", "--chat with it"); }
            if (parse.GetValue(chat) && parse.GetValue(prompt) is null) { throw new InvalidInputException("--chat", "no --prompt", "--prompt with it (lines of --input bring their own messages)"); }
            SamplingOptions options = sampling.Read(parse) with { TopLogProbs = parse.GetValue(top) };
            PromptLine all = new([], options, parse.GetValue(n), []) { BestOf = parse.GetValue(bestOf) };
            BeamOptions beams = beam.Read(parse);
            ConstraintText? everyLine = constraint.Read(parse);
            using HybridModel loaded = HybridModel.Load(parse.GetValue(model)!, speculation.Apply(parse, ModelOption.Options(parse) with
            {
                Engine = new EngineOptions { MaxSequences = parse.GetValue(batch) },
            }));
            if (everyLine is not null) { options = options with { Constraint = everyLine.Compile(loaded.Constraints) }; }
            LoraAdapter? everywhere = adapter.Load(parse, loaded, lines: parse.GetValue(input) is not null);
            IReadOnlyList<PromptLine> prompts = parse.GetValue(input) is { } file
                ? [.. InputLines.Read(file).Select(line => PromptLine.Read(line, loaded, options, all, beams) with { Adapter = AdapterOption.Of(line, loaded, everywhere) })]
                : [new PromptLine(ids.Read(parse) ?? Encode(loaded, parse.GetValue(prompt)!, parse.GetValue(chat), parse.GetValue(system)), options, all.Choices, []) { Adapter = everywhere, BestOf = all.BestOf, Beams = beams.Beams > 1 ? beams : null }];
            GenerationOutput output = new(parse.GetValue(GlobalOptions.Json), parse.GetValue(sampled), Scores(loaded, parse.GetValue(promptTop)));
            return Task.FromResult(Run(loaded, prompts, output, parse.GetValue(timing), stop));
        });
        return command;
    }

    private static int Run(HybridModel model, IReadOnlyList<PromptLine> prompts, GenerationOutput output, bool timing, CancellationToken stop)
    {
        GenerationEngine engine = model.Generator();
        bool stream = output.Streams(prompts);
        Generation[] running = new Generation[prompts.Count];
        for (int i = 0; i < prompts.Count; i++)
        {
            running[i] = engine.Submit(new GenerationRequest
            {
                Prompt = prompts[i].Ids, Adapter = prompts[i].Adapter, Sampling = prompts[i].Sampling, Choices = prompts[i].Choices, BestOf = prompts[i].BestOf, Beams = prompts[i].Beams, RequestId = i, DecodeText = model.Tokenizer is not null,
                OnToken = stream ? output.Piece : null,
            });
        }

        // Finished lines are written as soon as all before them are, so that an interruption keeps them.
        int written = 0;
        while (written < running.Length && !stop.IsCancellationRequested)
        {
            engine.Step();
            for (; written < running.Length && running[written].IsFinished; written++) { output.Write(written, prompts[written], running[written].Results()); }
        }

        if (timing) { output.WriteTiming(engine.Statistics); }
        if (!stop.IsCancellationRequested) { return 0; }
        foreach (Generation g in running) { engine.Cancel(g); }
        stop.ThrowIfCancellationRequested();
        return 0;
    }

    // The prompt's log-probabilities, when they are asked for.
    private static Func<PromptLine, SequenceScores>? Scores(HybridModel model, int top)
    {
        if (top < 0) { return null; }
        if (top > model.Decoder.Config.VocabularySize) { throw new InvalidInputException("--prompt-logprobs", $"{top}", $"at most the vocabulary's {model.Decoder.Config.VocabularySize}"); }
        return prompt => prompt.Adapter is null ? model.Score([prompt.Ids], new ScoringOptions { Top = top })[0] : throw new UnsupportedException("--prompt-logprobs", "an adapter", "the model as it is");
    }

    private static int[] Encode(HybridModel model, string prompt, bool chat, string? system)
    {
        Tokenizer tokenizer = model.Tokenizer ?? throw new InvalidInputException("--prompt", "text for a model without a tokenizer", "--prompt-ids");
        return chat ? ChatPrompt.Encode(tokenizer, ChatPrompt.Messages(system, prompt), "--chat") : tokenizer.Encode(prompt);
    }
}
