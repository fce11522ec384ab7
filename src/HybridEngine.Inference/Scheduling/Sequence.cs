namespace HybridEngine.Inference;

/// <summary>One completion as it grows: its tokens, which of them the cache holds, and in which blocks.</summary>
internal sealed class Sequence
{
    // Adapters are numbered from 1; nobody loads this many.
    private const long LongRoots = 1L << 40;

    // Room for so many new tokens is there from the start, so that steps of usual requests allocate nothing; longer ones double it.
    private const int TokensAtOnce = 1024;

    private readonly long _root;
    private int[] _tokens;
    private int[] _blocks;
    private DraftState? _drafting;

    public Sequence(Generation owner, int choice)
    {
        (Owner, Choice) = (owner, choice);
        int[] prompt = owner.Request.Prompt;
        PromptLength = prompt.Length;
        int room = Math.Min(owner.Request.Sampling.MaxTokens, TokensAtOnce);
        _tokens = new int[prompt.Length + room];
        _blocks = new int[(prompt.Length + room) / 16 + 1];   // blocks are 16 positions and more
        Log = new CompletionLog(room);
        prompt.CopyTo(_tokens, 0);
        Length = prompt.Length;
        _root = -(owner.Request.Adapter?.Number ?? 0);
        Constraint = owner.Request.Sampling.Constraint?.Start();
    }

    /// <summary>The request that it belongs to.</summary>
    public Generation Owner { get; }

    /// <summary>Index among the request's choices.</summary>
    public int Choice { get; }

    /// <summary>Tokens of the prompt.</summary>
    public int PromptLength { get; }

    /// <summary>Tokens so far, prompt included.</summary>
    public int Length { get; private set; }

    /// <summary>New tokens so far.</summary>
    public int Generated => Length - PromptLength;

    /// <summary>Tokens whose keys and values the cache holds.</summary>
    public int Computed { get; set; }

    /// <summary>Tokens that the next forward has yet to compute: 1 when decoding, more while a prompt (or a recomputed sequence) is read.</summary>
    public int Remaining => Length - Computed;

    /// <summary>Prompt and completion.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Length);

    /// <summary>Prompt, completion and the first <paramref name="drafts"/> of the drafted tokens.</summary>
    public ReadOnlySpan<int> TokensWithDrafts(int drafts) => _tokens.AsSpan(0, Length + drafts);

    /// <summary>Place in the order of arrival, from 1; kept through interruptions.</summary>
    public long Arrival { get; set; }

    /// <summary>It has been in the batch: its tokens may be known to somebody.</summary>
    public bool Started { get; set; }

    /// <summary>Block of positions i * BlockSize and on.</summary>
    public ReadOnlySpan<int> Blocks => _blocks.AsSpan(0, BlockCount);

    /// <summary>Entries of <see cref="Blocks"/>.</summary>
    public int BlockCount { get; private set; }

    /// <summary>How many of them, at the beginning, are given back already because no layer sees their positions any more; those entries are -1.</summary>
    public int UnseenBlocks { get; set; }

    /// <summary>Number of the empty prefix: sequences share blocks only when it is equal (0; an adapter's own negative number; another when positions are a long sequence's).</summary>
    public long PrefixRoot => PositionShift == 0 ? _root : _root - LongRoots;

    /// <summary>The model's <see cref="Models.DecoderConfig.LongFrom"/>.</summary>
    public int LongFrom { get; set; }

    /// <summary>Added to positions, <see cref="Models.DecoderConfig.PositionShift"/>. What the cache holds is of no use any more once it changes.</summary>
    public int PositionShift => LongFrom > 0 && Length > LongFrom ? LongFrom : 0;

    /// <summary>The last token has made it a long sequence.</summary>
    public bool HasTurnedLong => LongFrom > 0 && Length == LongFrom + 1;

    /// <summary>The scheduler counts it among the client's.</summary>
    public bool Present { get; set; }

    /// <summary>Rows that it has in the forward which is being planned.</summary>
    public int Grant { get; set; }

    /// <summary>Tokens that were guessed behind the last one, for the step that is under way.</summary>
    public int Drafts { get; private set; }

    /// <summary>Full blocks whose content is registered, and the number of the prefix that ends with the last of them.</summary>
    public int RegisteredBlocks { get; set; }

    /// <inheritdoc cref="RegisteredBlocks" />
    public long Prefix { get; set; }

    /// <summary>Choices of the same prompt that wait until this one has computed it; null when there are none (any more).</summary>
    public List<Sequence>? Siblings { get; set; }

    /// <summary>Why it ended, if it has.</summary>
    public FinishReason Finish { get; set; }

    /// <summary>Where the completion stands in the request's constraint; null when it has none.</summary>
    public ConstraintState? Constraint { get; set; }

    /// <summary>Its place in a beam search, or null.</summary>
    public Beam? Beam { get; set; }

    /// <summary>What was recorded of the new tokens.</summary>
    public CompletionLog Log { get; }

    /// <summary>Ids to text, or null when nobody asked for text.</summary>
    public CompletionText? Text { get; set; }

    /// <summary>The completion so far.</summary>
    public GenerationResult Result() => new()
    {
        Choice = Choice,
        TokenIds = Tokens[PromptLength..].ToArray(),
        LogProbs = Log.LogProbs(),
        SampledLogProbs = Log.SampledLogProbs(),
        TopLogProbs = Log.Top(),
        FinishReason = Finish,
        Text = Text?.Passed ?? "",
        WeightVersions = Log.WeightVersions(),
        WeightVersion = Log.LastWeightVersion,
    };

    public void Append(int token)
    {
        if (Length == _tokens.Length) { Array.Resize(ref _tokens, Length * 2); }
        _tokens[Length++] = token;
    }

    /// <summary>Puts a guess behind the last token and the guesses before it; it is no part of <see cref="Tokens"/>.</summary>
    public void AddDraft(int token)
    {
        if (Length + Drafts == _tokens.Length) { Array.Resize(ref _tokens, _tokens.Length * 2); }
        _tokens[Length + Drafts++] = token;
    }

    /// <summary>A guess, from 0.</summary>
    public int Draft(int index) => _tokens[Length + index];

    /// <summary>Forgets all guesses but the first <paramref name="count"/>.</summary>
    public void KeepDrafts(int count) => Drafts = count;

    /// <summary>What speculation remembers.</summary>
    public DraftState Drafting => _drafting ??= new DraftState();

    /// <summary>Gives up the first block that is still held.</summary>
    public int DropFirstBlock()
    {
        int block = _blocks[UnseenBlocks];
        _blocks[UnseenBlocks++] = -1;
        return block;
    }

    public void AddBlock(int block)
    {
        if (BlockCount == _blocks.Length) { Array.Resize(ref _blocks, BlockCount * 2); }
        _blocks[BlockCount++] = block;
    }

    /// <summary>Forgets blocks and progress; whoever calls has released the blocks.</summary>
    public void ForgetCache()
    {
        BlockCount = 0;
        UnseenBlocks = 0;
        if (_drafting is not null) { _drafting.Computed = -1; }
        Computed = 0;
        RegisteredBlocks = 0;
        Prefix = 0;
    }
}
