using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace HybridEngine;

/// <summary>A model as services: <see cref="AsyncEngine"/>, <see cref="IChatClient"/>, <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/>.</summary>
/// <remarks>
/// All are singletons over one copy of the weights, which is loaded when the first of them is asked for and disposed with the container. Options are
/// <see cref="HybridEngineOptions"/>: what the action sets, and whatever the program configures besides (<c>services.Configure&lt;HybridEngineOptions&gt;(section)</c>).
/// </remarks>
public static class HybridEngineServices
{
    /// <summary>Adds a model.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="configure">Sets its options; null when a configuration section does.</param>
    public static IServiceCollection AddHybridEngine(this IServiceCollection services, Action<HybridEngineOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        Configure(services, Options.DefaultName, configure);
        services.TryAddSingleton(provider => Load(provider, Options.DefaultName));
        services.TryAddSingleton(provider => new HybridChatClient(provider.GetRequiredService<AsyncEngine>(), Read(provider, Options.DefaultName).ForChat()));
        services.TryAddSingleton(provider => new HybridEmbeddingGenerator(provider.GetRequiredService<AsyncEngine>(), new EmbeddingGeneratorOptions { Pooling = Read(provider, Options.DefaultName).Pooling }));
        services.TryAddSingleton<IChatClient>(provider => provider.GetRequiredService<HybridChatClient>());
        services.TryAddSingleton<IEmbeddingGenerator<string, Embedding<float>>>(provider => provider.GetRequiredService<HybridEmbeddingGenerator>());
        return services;
    }

    /// <summary>Adds a model by its path.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="model">A folder in Hugging Face layout, a GGUF file, or a checkpoint of ours.</param>
    public static IServiceCollection AddHybridEngine(this IServiceCollection services, string model) => services.AddHybridEngine(o => o.Model = model);

    /// <summary>Adds one of several models under a key: <c>[FromKeyedServices("small")] IChatClient</c>.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="key">The key, which is also the name of its options.</param>
    /// <param name="configure">Sets its options; null when a configuration section does (<c>Configure&lt;HybridEngineOptions&gt;(key, section)</c>).</param>
    public static IServiceCollection AddKeyedHybridEngine(this IServiceCollection services, string key, Action<HybridEngineOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(key);
        Configure(services, key, configure);
        services.TryAddKeyedSingleton(key, (provider, _) => Load(provider, key));
        services.TryAddKeyedSingleton(key, (provider, _) => new HybridChatClient(provider.GetRequiredKeyedService<AsyncEngine>(key), Read(provider, key).ForChat()));
        services.TryAddKeyedSingleton(key, (provider, _) => new HybridEmbeddingGenerator(provider.GetRequiredKeyedService<AsyncEngine>(key), new EmbeddingGeneratorOptions { Pooling = Read(provider, key).Pooling }));
        services.TryAddKeyedSingleton<IChatClient>(key, (provider, _) => provider.GetRequiredKeyedService<HybridChatClient>(key));
        services.TryAddKeyedSingleton<IEmbeddingGenerator<string, Embedding<float>>>(key, (provider, _) => provider.GetRequiredKeyedService<HybridEmbeddingGenerator>(key));
        return services;
    }

    private static void Configure(IServiceCollection services, string name, Action<HybridEngineOptions>? configure)
    {
        OptionsBuilder<HybridEngineOptions> options = services.AddOptions<HybridEngineOptions>(name);
        if (configure is not null) { options.Configure(configure); }
    }

    private static HybridEngineOptions Read(IServiceProvider provider, string name) => provider.GetRequiredService<IOptionsMonitor<HybridEngineOptions>>().Get(name);

    private static AsyncEngine Load(IServiceProvider provider, string name)
    {
        HybridEngineOptions options = Read(provider, name);
        return AsyncEngine.Load(options.RequireModel(), options.ForModel(), options.ForEngine());
    }
}
