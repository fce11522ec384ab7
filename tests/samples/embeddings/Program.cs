// Finds the text that is nearest to a question, by a model's embeddings.
// Usage: embeddings MODEL
using System.Numerics.Tensors;
using HybridEngine;
using Microsoft.Extensions.AI;

await using AsyncEngine engine = await AsyncEngine.LoadAsync(args[0]);
using IEmbeddingGenerator<string, Embedding<float>> generator = new HybridEmbeddingGenerator(engine);

string[] texts = ["Foxes live in the forest.", "Soup is made of vegetables.", "A train leaves at noon."];
GeneratedEmbeddings<Embedding<float>> vectors = await generator.GenerateAsync(texts);
ReadOnlyMemory<float> question = await generator.GenerateVectorAsync("When does the train go?");

// Vectors have length 1: a dot product is a cosine.
foreach ((string text, Embedding<float> vector) in texts.Zip(vectors).OrderByDescending(p => TensorPrimitives.Dot(p.Second.Vector.Span, question.Span)))
{
    Console.WriteLine($"{TensorPrimitives.Dot(vector.Vector.Span, question.Span):F3}  {text}");
}

Console.WriteLine($"{vectors.Usage!.InputTokenCount} tokens, vectors of {vectors[0].Dimensions}");
