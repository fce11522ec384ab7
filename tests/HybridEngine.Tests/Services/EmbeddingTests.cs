using HybridEngine.Core;
using HybridEngine.Inference;
using Microsoft.Extensions.AI;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>The contract of <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/>.</summary>
public sealed class EmbeddingTests : IClassFixture<AsyncEngineTests.Model>
{
    private static readonly string[] _texts = ["Grüße", "a", "a much longer text than the others, to be packed beside them"];
    private readonly TalkingModel _model;

    public EmbeddingTests(AsyncEngineTests.Model model) => _model = model.Folder;

    [Fact]
    public async Task GenerateAsync_Texts_AreTheModelsOwnVectors_InAnyCompany()
    {
        using HybridEmbeddingGenerator generator = new(_model.Open(), ownsEngine: true);
        GeneratedEmbeddings<Embedding<float>> all = await generator.GenerateAsync(_texts);
        using HybridModel model = HybridModel.Load(_model.Folder, TalkingModel.Options);
        for (int i = 0; i < _texts.Length; i++)
        {
            Assert.Equal(model.Embed([_texts[i]])[0], all[i].Vector.ToArray());
            Assert.Equal(1, Math.Sqrt(all[i].Vector.ToArray().Sum(v => (double)v * v)), 5);
            Assert.Equal("talker", all[i].ModelId);
        }

        Assert.Equal(_texts.Sum(t => System.Text.Encoding.UTF8.GetByteCount(t)), all.Usage!.InputTokenCount);
        Assert.Empty(await generator.GenerateAsync([]));
    }

    [Fact]
    public async Task GenerateAsync_PoolingAndNormalize_OfTheCall_Win()
    {
        using HybridEmbeddingGenerator generator = new(_model.Open(), ownsEngine: true);
        using HybridModel model = HybridModel.Load(_model.Folder, TalkingModel.Options);
        EmbeddingGenerationOptions options = new() { Dimensions = 16, ModelId = "talker", AdditionalProperties = new() { ["pooling"] = "last", ["normalize"] = false } };
        Assert.Equal(model.Embed(["abc"], EmbeddingPooling.Last, normalize: false)[0], (await generator.GenerateAsync(["abc"], options))[0].Vector.ToArray());
    }

    public static TheoryData<string, EmbeddingGenerationOptions> Refused => new()
    {
        { "dimensions", new EmbeddingGenerationOptions { Dimensions = 8 } },
        { "model", new EmbeddingGenerationOptions { ModelId = "other" } },
        { "additional_properties", new EmbeddingGenerationOptions { AdditionalProperties = new() { ["poling"] = "mean" } } },
        { "pooling", new EmbeddingGenerationOptions { AdditionalProperties = new() { ["pooling"] = "max" } } },
    };

    [Theory, MemberData(nameof(Refused))]
    public async Task GenerateAsync_OptionThatCannotBeHonoured_IsRefusedByName(string name, EmbeddingGenerationOptions options)
    {
        using HybridEmbeddingGenerator generator = new(_model.Open(), ownsEngine: true);
        Assert.StartsWith(name, (await Assert.ThrowsAnyAsync<HybridEngineException>(() => generator.GenerateAsync(["x"], options))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GenerateAsync_EmptyOrTooLongText_SaysWhich()
    {
        using HybridEmbeddingGenerator generator = new(_model.Open(), ownsEngine: true);
        Assert.Contains("values[1]", (await Assert.ThrowsAsync<InvalidInputException>(() => generator.GenerateAsync(["x", ""]))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<HybridEngineException>(() => generator.GenerateAsync([new string('x', 600)]));
    }

    [Fact]
    public void GetService_Metadata_HasModelAndWidth()
    {
        using HybridEmbeddingGenerator generator = new(_model.Open(), ownsEngine: true);
        EmbeddingGeneratorMetadata metadata = Assert.IsType<EmbeddingGeneratorMetadata>(generator.GetService(typeof(EmbeddingGeneratorMetadata)));
        Assert.Equal(("hybridengine", "talker", 16), (metadata.ProviderName, metadata.DefaultModelId, metadata.DefaultModelDimensions));
        Assert.Same(generator, generator.GetService(typeof(IEmbeddingGenerator<string, Embedding<float>>)));
    }
}
