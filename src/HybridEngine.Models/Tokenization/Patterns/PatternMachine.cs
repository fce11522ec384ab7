using System.Runtime.CompilerServices;

namespace HybridEngine.Models;

/// <summary>Runs a pattern's program at a place of a text: the first way that leads to a match is taken, as in every backtracking engine, but the work is counted.</summary>
internal sealed class PatternMachine
{
    private const int LargestKept = 1 << 12;

    [ThreadStatic]
    private static PatternMachine? _shared;

    // Where to go on when the present way fails: step, and the places from Low to High, the highest first.
    private (int Step, int Low, int High)[] _stack = new (int, int, int)[64];
    private int _top;
    private long _budget;

    /// <summary>This thread's machine.</summary>
    public static PatternMachine Shared => _shared ??= new PatternMachine();

    /// <summary>Allows so much work from here on; a match that would need more throws.</summary>
    public void Allow(long steps)
    {
        (_budget, _top) = (steps, 0);
        // One long text must not leave its memory with the thread.
        if (_stack.Length > LargestKept) _stack = new (int, int, int)[LargestKept];
    }

    /// <summary>The end of the match that begins at a place, or -1.</summary>
    /// <param name="operations">The program.</param>
    /// <param name="step">Its first step.</param>
    /// <param name="text">The text; nothing outside is looked at.</param>
    /// <param name="at">The place.</param>
    /// <exception cref="WorkException">The work that was allowed is used up.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Match(Operation[] operations, int step, ReadOnlySpan<Unit> text, int at)
    {
        int bottom = _top;
        while (true)
        {
            ref readonly Operation operation = ref operations[step];
            bool holds;
            switch (operation.Step)
            {
                case Step.Accept:
                    _top = bottom;
                    return at;
                case Step.One:
                    holds = at < text.Length && operation.Set!.Contains(text[at].Code);
                    if (holds) at++;
                    step++;
                    break;
                case Step.Run or Step.PossessiveRun:
                    int low = at, most = operation.Most < text.Length - at ? at + operation.Most : text.Length;
                    while (at < most && operation.Set!.Contains(text[at].Code)) at++;
                    Spend(at - low);
                    low += operation.Least;
                    holds = at >= low;
                    step++;
                    if (holds && at > low && operation.Step == Step.Run && operations[step].Step != Step.Accept) Push(step, low, at - 1);
                    break;
                case Step.Split:
                    Push(operation.Second, at, at);
                    step = operation.First;
                    holds = true;
                    break;
                case Step.Jump:
                    step = operation.First;
                    holds = true;
                    break;
                case Step.Atomic:
                    at = Match(operations, operation.First, text, at);
                    holds = at >= 0;
                    step = operation.Second;
                    break;
                case Step.At:
                    holds = Stands((Place)operation.First, text, at);
                    step++;
                    break;
                default:
                    int from = at - operation.Least;
                    bool found = from >= 0 && Match(operations, operation.First, text, from) >= 0;
                    holds = found == operation.Step is Step.Ahead or Step.Behind;
                    step = operation.Second;
                    break;
            }
            if (holds) continue;
            if (_top == bottom) return -1;
            Spend(1);
            ref (int Step, int Low, int High) frame = ref _stack[_top - 1];
            (step, at) = (frame.Step, frame.High);
            if (--frame.High < frame.Low) _top--;
        }
    }

    private void Push(int step, int low, int high)
    {
        if (_top == _stack.Length) Array.Resize(ref _stack, 2 * _top);
        _stack[_top++] = (step, low, high);
        Spend(1);
    }

    private void Spend(int steps)
    {
        if ((_budget -= steps) < 0) throw new WorkException();
    }

    private static bool Stands(Place place, ReadOnlySpan<Unit> text, int at) => place switch
    {
        Place.LineStart => at == 0 || text[at - 1].Code == '\n',
        Place.LineEnd => at == text.Length || text[at].Code == '\n',
        Place.TextStart => at == 0,
        Place.TextEnd => at == text.Length,
        Place.TextEndOrLastLineBreak => at == text.Length || (at == text.Length - 1 && text[at].Code == '\n'),
        _ => (at > 0 && CodePoints.IsWord(text[at - 1].Code)) != (at < text.Length && CodePoints.IsWord(text[at].Code)) == (place == Place.WordEdge),
    };

    /// <summary>A match needs more work than was allowed.</summary>
    internal sealed class WorkException : Exception;
}
