package dev.outrider.decode.speculate;

/**
 * Guesses from counts: after token a, what followed a in the texts it was made from; after a token that
 * nothing ever followed, what is frequent at all. Nothing to train and nearly free to ask: the baseline
 * that a neural draft has to beat.
 */
public final class NgramTable implements Drafter {
    /** What is proposed under sampling; under greedy decoding it is always the most frequent token. */
    public enum Choice {
        /** The most frequent token, as a point mass. */
        LIKELIEST,
        /** A token drawn from the counts, after the target's temperature and filters. */
        DRAWN
    }

    private final Counts counts;
    private final Choice choice;
    private final int[] likeliest;
    private final double[] logits;
    private final Law[] laws = new Law[Decoder.MAX_GAMMA];
    private final int[] proposed = new int[Decoder.MAX_GAMMA];
    private int last;

    private NgramTable(Counts counts, Choice choice, int[] likeliest) {
        this.counts = counts;
        this.choice = choice;
        this.likeliest = likeliest;
        logits = new double[counts.vocabulary()];
    }

    /**
     * Counts pairs of neighbours.
     *
     * @param texts gone through twice; the last token of one and the first of the next are no pair
     * @throws dev.outrider.checkpoints.Failure DATA for an id that is not in the vocabulary
     */
    public static NgramTable of(int vocabulary, Iterable<int[]> texts) {
        Counts counts = Counts.of(vocabulary, texts);
        int[] likeliest = new int[vocabulary];
        for (int a = 0; a < vocabulary; a++) likeliest[a] = counts.likeliest(counts.row(a));
        return new NgramTable(counts, Choice.DRAWN, likeliest);
    }

    /** Another drafter over the same counts, for this choice or for another thread. */
    public NgramTable with(Choice choice) {
        return new NgramTable(counts, choice, likeliest);
    }

    @Override
    public String name() {
        return "bigram";
    }

    @Override
    public int vocabulary() {
        return counts.vocabulary();
    }

    @Override
    public long parameters() {
        return 0;
    }

    @Override
    public void begin(int[] context) {
        last = context[context.length - 1];
    }

    @Override
    public Proposal propose(int count, Sampling sampling, Chance chance) {
        int before = last;
        for (int i = 0; i < count; i++) before = proposed[i] = choose(i, before, sampling, chance);
        return new Proposal(proposed, laws, count);
    }

    @Override
    public void hear(int kept, int next) {
        last = next;
    }

    private int choose(int i, int before, Sampling sampling, Chance chance) {
        if (sampling.greedy()) return likeliest[before];
        if (laws[i] == null) laws[i] = new Law(logits.length);
        if (choice == Choice.LIKELIEST || counts.ids().length == 0) {
            laws[i].point(likeliest[before]);
            return likeliest[before];
        }
        counts.logits(counts.row(before), logits);
        return chance.draw(laws[i].from(logits, sampling, null));
    }
}
