using HybridEngine.Core;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace HybridEngine.Tests;

/// <summary><c>AddHybridEngine</c>.</summary>
public sealed class ServicesTests : IClassFixture<AsyncEngineTests.Model>
{
    private readonly TalkingModel _model;

    public ServicesTests(AsyncEngineTests.Model model) => _model = model.Folder;

    [Fact]
    public async Task AddHybridEngine_ByPath_GivesOneModelBehindAllServices()
    {
        AsyncEngine engine;
        await using (ServiceProvider services = new ServiceCollection().AddHybridEngine(_model.Folder).Configure<HybridEngineOptions>(o => o.Backend = Backends.Reference).BuildServiceProvider())
        {
            engine = services.GetRequiredService<AsyncEngine>();
            IChatClient chat = services.GetRequiredService<IChatClient>();
            Assert.Same(chat, services.GetRequiredService<IChatClient>());
            Assert.Same(engine, chat.GetService(typeof(AsyncEngine)));
            Assert.Same(engine, services.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>().GetService(typeof(AsyncEngine)));
            Assert.Equal("yes", (await chat.GetResponseAsync("x", TalkingModel.Saying("yes"))).Text);
        }

        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.InvokeAsync(_ => 0));
    }

    [Fact]
    public void AddHybridEngine_ConfigurationSection_Binds()
    {
        IConfiguration configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["HybridEngine:Model"] = _model.Folder, ["HybridEngine:Backend"] = "reference", ["HybridEngine:ModelId"] = "bound", ["HybridEngine:MaxPending"] = "3", ["HybridEngine:WhenFull"] = "Refuse", ["HybridEngine:MaxContext"] = "100",
            ["HybridEngine:Pooling"] = "Last",
        }).Build();
        using ServiceProvider services = new ServiceCollection().AddHybridEngine().Configure<HybridEngineOptions>(configuration.GetSection("HybridEngine")).BuildServiceProvider();
        AsyncEngine engine = services.GetRequiredService<AsyncEngine>();
        Assert.Equal(("bound", 100), (engine.ModelId, engine.MaxContext));
    }

    [Fact]
    public async Task AddKeyedHybridEngine_TwoKeys_AreTwoModels()
    {
        using TalkingModel other = new(TalkingModel.ChatMl, positions: 64);
        await using ServiceProvider services = new ServiceCollection()
            .AddKeyedHybridEngine("large", o => (o.Model, o.Backend, o.ModelId) = (_model.Folder, Backends.Reference, "L"))
            .AddKeyedHybridEngine("small", o => (o.Model, o.Backend, o.ModelId) = (other.Folder, Backends.Reference, "S"))
            .BuildServiceProvider();
        IChatClient large = services.GetRequiredKeyedService<IChatClient>("large"), small = services.GetRequiredKeyedService<IChatClient>("small");
        Assert.Equal(("L", 512), (large.GetService<ChatClientMetadata>()!.DefaultModelId, large.GetService<AsyncEngine>()!.MaxContext));
        Assert.Equal(("S", 64), (small.GetService<ChatClientMetadata>()!.DefaultModelId, small.GetService<AsyncEngine>()!.MaxContext));
        Assert.Null(services.GetService<IChatClient>());
        Assert.NotNull(services.GetRequiredKeyedService<IEmbeddingGenerator<string, Embedding<float>>>("small"));
    }

    [Fact]
    public void AddHybridEngine_NoModel_SaysSoWhenAsked()
    {
        using ServiceProvider services = new ServiceCollection().AddHybridEngine().BuildServiceProvider();
        Assert.Contains("HybridEngineOptions.Model", Assert.Throws<InvalidInputException>(services.GetRequiredService<IChatClient>).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AddHybridEngine_AClientRegisteredBefore_Stays()
    {
        using HybridChatClient mine = _model.Chat();
        using ServiceProvider services = new ServiceCollection().AddSingleton<IChatClient>(mine).AddHybridEngine(_model.Folder).BuildServiceProvider();
        Assert.Same(mine, services.GetRequiredService<IChatClient>());
    }
}
