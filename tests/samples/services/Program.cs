// Models as services of a program: one by default, one by key, configured as appsettings.json would.
// Usage: services MODEL
using HybridEngine;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

IConfiguration configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
{
    ["HybridEngine:Model"] = args[0],
    ["HybridEngine:ModelId"] = "assistant",
    ["HybridEngine:MaxOutputTokens"] = "32",
    ["HybridEngine:WhenFull"] = "Refuse",
}).Build();

ServiceCollection services = new();
services.AddHybridEngine().Configure<HybridEngineOptions>(configuration.GetSection("HybridEngine"));
services.AddKeyedHybridEngine("critic", o => (o.Model, o.ModelId, o.Temperature) = (args[0], "critic", 0));
services.AddSingleton<Debate>();

// Models are loaded when they are first asked for, and go with the container.
await using ServiceProvider provider = services.BuildServiceProvider();
await provider.GetRequiredService<Debate>().RunAsync("Is a tomato a fruit?");

internal sealed class Debate(IChatClient assistant, [FromKeyedServices("critic")] IChatClient critic)
{
    public async Task RunAsync(string question)
    {
        ChatResponse answer = await assistant.GetResponseAsync(question);
        Console.WriteLine($"{answer.ModelId}: {answer.Text}");
        ChatResponse reply = await critic.GetResponseAsync($"Somebody said: {answer.Text}", new ChatOptions { MaxOutputTokens = 16 });
        Console.WriteLine($"{reply.ModelId}: {reply.Text}");
    }
}
