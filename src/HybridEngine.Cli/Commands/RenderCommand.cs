using System.CommandLine;
using System.Text.Json;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Input;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine render</c>: what a chat template makes of messages.</summary>
internal static class RenderCommand
{
    public static Command Create()
    {
        Option<string?> model = new("--model") { Description = "Model (or folder with a tokenizer) whose template is used.", HelpName = "PATH" };
        Option<string?> template = new("--template") { Description = "A Jinja file in place of a model's template.", HelpName = "FILE" };
        Option<string> input = new("--input") { Description = "JSON Lines of messages, tools, add_generation_prompt; further keys are variables of the template; - is standard input.", Required = true, HelpName = "FILE" };
        Command command = new("render", "Renders conversations with a chat template.") { model, template, input };
        command.SetAction(parse =>
        {
            OneOf.Require(("--model", parse.GetValue(model) is not null), ("--template", parse.GetValue(template) is not null));
            ChatTemplate jinja = parse.GetValue(template) is { } file ? new ChatTemplate(InputLines.ReadText(file))
                : ModelTokenizer.Load(parse.GetValue(model)!).ChatTemplate ?? throw new InvalidInputException(parse.GetValue(model)!, "no chat template", "a model that has one");
            bool json = parse.GetValue(GlobalOptions.Json);
            foreach (Rlhf.JsonLine line in InputLines.Read(parse.GetValue(input)!)) { Render(jinja, line.Value, json); }
            return 0;
        });
        return command;
    }

    private static void Render(ChatTemplate template, JsonElement variables, bool json)
    {
        string? text = null, error = null;
        try
        {
            text = template.Render(variables);
        }
        catch (TemplateException e)
        {
            error = e.Message;
        }

        if (!json) { Console.WriteLine(text ?? $"error: {error}"); }
        else { JsonLine.Write(w => { w.WriteStartObject(); w.WriteString(text is null ? "error" : "text", text ?? error); w.WriteEndObject(); }); }
    }
}
