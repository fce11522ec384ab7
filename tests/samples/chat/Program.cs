// Talks with a model in this process through Microsoft.Extensions.AI: streaming, an answer as a record, functions.
// Usage: chat MODEL
using HybridEngine;
using Microsoft.Extensions.AI;

await using AsyncEngine engine = await AsyncEngine.LoadAsync(args[0]);
using IChatClient client = new HybridChatClient(engine);

// Streaming: whole characters as they come.
ChatOptions options = new() { MaxOutputTokens = 48, Temperature = 0.7f, Seed = 1 };
await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("Tell me a story about a fox.", options)) { Console.Write(update.Text); }
Console.WriteLine();

// Many at once: one batch answers them all.
ChatResponse[] answers = await Task.WhenAll(Enumerable.Range(1, 8).Select(i => client.GetResponseAsync($"What is {i} plus {i}?", options)));
Console.WriteLine($"{answers.Length} answers, {answers.Sum(a => a.Usage!.OutputTokenCount)} tokens, the first ended by {answers[0].FinishReason}");

// An answer as a record: whatever the model would rather say, it is held to the schema.
Review review = (await client.GetResponseAsync<Review>("Review: 'Great soup, friendly people.'")).Result;
Console.WriteLine($"opinion: {review.Opinion}, recommends: {review.Recommends}");

// Functions: described to the model in the words of its chat template, called, and answered.
AIFunction weather = AIFunctionFactory.Create((City city) => $"sunny in {city}", "get_weather", "The weather of a city.");
using IChatClient agent = client.AsBuilder().UseFunctionInvocation().Build();
ChatResponse forecast = await agent.GetResponseAsync("What is the weather in Bern?", new ChatOptions { Tools = [weather], ToolMode = ChatToolMode.RequireAny });
foreach (FunctionResultContent result in forecast.Messages.SelectMany(m => m.Contents).OfType<FunctionResultContent>()) { Console.WriteLine($"called: {result.Result}"); }

internal enum Opinion { Good, Bad, Mixed }

internal enum City { Bern, Lagos, Lima }

internal sealed record Review(Opinion Opinion, bool Recommends);
