namespace HybridEngine.Cli.Benchmarks;

/// <summary>Texts for the speculation benchmark: code, which repeats itself, and prose, which does not.</summary>
internal static class SpeculativePrompts
{
    public static (string Kind, string[] Texts)[] All { get; } =
    [
        ("code",
        [
            """
            def read_user(row):
                user = User()
                user.name = row["name"]
                user.email = row["email"]
                user.address = row["address"]
                user.phone = row["phone"]
                return user

            def write_user(user):
                row = {}
                row["name"] = user.name
                row["email"] = user.email
                row["address"] = user.address
                row["phone"] = user.phone
                return row

            def read_company(row):
            """,
            """
            public sealed class Vector
            {
                public double X { get; set; }
                public double Y { get; set; }
                public double Z { get; set; }

                public static Vector operator +(Vector a, Vector b) => new Vector { X = a.X + b.X, Y = a.Y + b.Y, Z = a.Z + b.Z };
                public static Vector operator -(Vector a, Vector b) => new Vector { X = a.X - b.X, Y = a.Y - b.Y, Z = a.Z - b.Z };
                public static Vector operator *
            """,
            """
            | id | name | city | country |
            | --- | --- | --- | --- |
            | 1 | Anna Schmidt | Berlin | Germany |
            | 2 | Pierre Martin | Paris | France |
            | 3 | Maria Rossi | Rome | Italy |

            The same table as JSON:
            [
              {"id": 1, "name": "Anna Schmidt", "city": "Berlin", "country": "Germany"},
            """,
        ]),
        ("prose",
        [
            "The lighthouse keeper had not spoken to anyone for eleven days when the boat came round the point. He put down his pipe and",
            "Photosynthesis is the process by which plants turn light into chemical energy. It takes place in the leaves, where",
            "Dear Margaret, thank you for your letter, which reached me only last week. I am sorry to hear that",
        ]),
    ];
}
