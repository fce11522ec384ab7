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
        Option<bool> sampled = new("--sampled-logprobs") { Description = "Also the log-probabilities of the distribution that was drawn from, after penalties and filters." };
        Option<int> batch = Numbers.AtLeast(new Option<int>("--max-batch") { Description = "Sequences that run at once.", DefaultValueFactory = _ => 256, HelpName = "N" }, 1);
        Option<bool> timing = new("--timing") { Description = "A last line with tokens and seconds." };
        AdapterOption adapter = new();
        SamplingArguments sampling = new();
        SpeculationArguments speculation = new();
        ConstraintArguments constraint = new();
        Command command = new("generate", "Continues prompts.") { model, prompt, input, chat, system };
        ids.AddTo(command);
        adapter.AddTo(command);
        sampling.AddTo(command);
        constraint.AddTo(command, choice: true);
        speculation.AddTo(command);
        foreach (Option option in new Option[] { n, top, sampled, batch, timing }) { command.Options.Add(option); }
        command.SetAction((parse, stop) =>
        {
            OneOf.Require(("--prompt", parse.GetValue(prompt) is not null), ("--prompt-ids", ids.Read(parse) is not null), ("--input", parse.GetValue(input) is not null));
            if (parse.GetValue(system) is not null && !parse.GetValue(chat)) { throw new InvalidInputException("--system", "no --chat", "--chat with it"); }
            if (parse.GetValue(chat) && parse.GetValue(prompt) is null) { throw new InvalidInputException("--chat", "no --prompt", "--prompt with it (lines of --input bring their own messages)"); }
            SamplingOptions options = sampling.Read(parse) with { TopLogProbs = parse.GetValue(top) };
            int choices = parse.GetValue(n);
            ConstraintText? everyLine = constraint.Read(parse);
            using HybridModel loaded = HybridModel.Load(parse.GetValue(model)!, speculation.Apply(parse, ModelOption.Options(parse) with
            {
                Engine = new EngineOptions { MaxSequences = Math.Max(parse.GetValue(batch), choices) },
            }));
            if (everyLine is not null) { options = options with { Constraint = everyLine.Compile(loaded.Constraints) }; }
            LoraAdapter? everywhere = adapter.Load(parse, loaded, lines: parse.GetValue(input) is not null);
            IReadOnlyList<PromptLine> prompts = parse.GetValue(input) is { } file
                ? [.. InputLines.Read(file).Select(line => PromptLine.Read(line, loaded, options, choices) with { Adapter = AdapterOption.Of(line, loaded, everywhere) })]
                : [new PromptLine(ids.Read(parse) ?? Encode(loaded, parse.GetValue(prompt)!, parse.GetValue(chat), parse.GetValue(system)), options, choices, []) { Adapter = everywhere }];
            GenerationOutput output = new(parse.GetValue(GlobalOptions.Json), parse.GetValue(sampled));
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
                Prompt = prompts[i].Ids, Adapter = prompts[i].Adapter, Sampling = prompts[i].Sampling, Choices = prompts[i].Choices, RequestId = i, DecodeText = model.Tokenizer is not null,
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

    private static int[] Encode(HybridModel model, string prompt, bool chat, string? system)
    {
        Tokenizer tokenizer = model.Tokenizer ?? throw new InvalidInputException("--prompt", "text for a model without a tokenizer", "--prompt-ids");
        return chat ? ChatPrompt.Encode(tokenizer, ChatPrompt.Messages(system, prompt), "--chat") : tokenizer.Encode(prompt);
    }
}
