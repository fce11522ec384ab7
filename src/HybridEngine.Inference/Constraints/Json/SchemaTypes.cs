using System.Text.Json;

namespace HybridEngine.Inference;

/// <summary>The types that <c>type</c> names.</summary>
[Flags]
internal enum SchemaTypes
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Integer = 4,
    Number = 8,
    String = 16,
    Array = 32,
    Object = 64,
}

/// <summary>Reads <c>type</c>.</summary>
internal static class SchemaTypesExtensions
{
    extension(SchemaTypes)
    {
        /// <summary>The types that a schema names.</summary>
        public static SchemaTypes Read(Schema schema, JsonElement type)
        {
            SchemaTypes types = SchemaTypes.None;
            foreach (JsonElement name in type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray()] : new[] { type })
            {
                types |= (name.ValueKind == JsonValueKind.String ? name.GetString() : null) switch
                {
                    "null" => SchemaTypes.Null,
                    "boolean" => SchemaTypes.Boolean,
                    "integer" => SchemaTypes.Integer,
                    "number" => SchemaTypes.Number,
                    "string" => SchemaTypes.String,
                    "array" => SchemaTypes.Array,
                    "object" => SchemaTypes.Object,
                    _ => throw schema.Wrong("type", type, "null, boolean, integer, number, string, array or object"),
                };
            }

            return types;
        }
    }
}
