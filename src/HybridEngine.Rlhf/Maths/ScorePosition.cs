namespace HybridEngine.Rlhf.Maths;

/// <summary>Where the score of a padded row is read. In packed sequences the last token is the last real one and no rule is needed.</summary>
public static class ScorePosition
{
    /// <summary>The last token that is not padding; the row's last index when all are.</summary>
    public static int LastReal(ReadOnlySpan<int> ids, int padId)
    {
        int i = ids.LastIndexOfAnyExcept(padId);
        return i < 0 ? ids.Length - 1 : i;
    }

    /// <summary>One before the first padding id after the prompt, or the row's last index without one (DeepSpeed-Chat's <c>forward_value</c>).</summary>
    /// <remarks>Differs from <see cref="LastReal"/> when the padding id occurs inside an answer.</remarks>
    public static int BeforeFirstPadding(ReadOnlySpan<int> ids, int promptLength, int padId)
    {
        int i = ids[promptLength..].IndexOf(padId);
        return (i < 0 ? ids.Length : promptLength + i) - 1;
    }

    /// <summary>Length of a row that may begin with paddings (OPT): the index of padding number <paramref name="paddingsAtBeginning"/>, counted from 0, or the row's length.</summary>
    /// <remarks>Source: dschat/utils/model/reward_model.py, <c>num_padding_at_beginning</c>.</remarks>
    public static int End(ReadOnlySpan<int> ids, int padId, int paddingsAtBeginning)
    {
        int seen = 0;
        for (int i = 0; i < ids.Length; i++)
        {
            if (ids[i] == padId && seen++ == paddingsAtBeginning) { return i; }
        }

        return ids.Length;
    }
}
