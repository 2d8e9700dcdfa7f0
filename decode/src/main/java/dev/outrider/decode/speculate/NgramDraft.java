package dev.outrider.decode.speculate;

import dev.outrider.decode.ngram.Followers;
import dev.outrider.decode.ngram.NgramTable;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Guesses what followed the end of the text most often in the texts that a table was made from: after the
 * longest end that the table knows ("stupid back-off", Brants et al., 2007). Many may share one table, one a
 * thread; it is closed by who opened it.
 */
public final class NgramDraft extends StepDrafter implements Lawful {
    /** What is proposed under sampling; under greedy decoding it is always the most frequent token. */
    public enum Choice {
        /** The most frequent token, as a point mass. */
        LIKELIEST,
        /** A token drawn from the counts, after the target's temperature and filters. */
        DRAWN
    }

    // Evidence: length of the context, how often it came, share of its first follower; share is the last digit.
    private static final int COUNTS = 7;
    private static final int SHARES = 10;

    /** The usual one where counts are small. */
    private static final double DISCOUNT = 0.75;

    private final int order;
    private final int least;
    private final Choice choice;
    private final Followers followers;
    private final double[] logits;

    /** The whole table; drawn under sampling. */
    public NgramDraft(NgramTable table) {
        this(table, table.order(), 1, Choice.DRAWN);
    }

    /**
     * @param order of the table's n-grams none longer than this are used
     * @param least a context counts if the table's texts had it so many times
     */
    public NgramDraft(NgramTable table, int order, int least, Choice choice) {
        this("", table, order, least, choice);
    }

    /** @param kind tells it in reports from those of another table; begins the name */
    public NgramDraft(String kind, NgramTable table, int order, int least, Choice choice) {
        super(kind + name(Math.min(order, table.order())), table.vocabulary());
        this.order = Math.min(order, table.order());
        this.least = least;
        this.choice = choice;
        followers = table.followers();
        logits = new double[table.vocabulary()];
    }

    /** One for every order of a table from 2 on: which is to be believed depends on the place ({@link Combined}). */
    public static List<NgramDraft> byOrder(String kind, NgramTable table) {
        return IntStream.rangeClosed(2, table.order())
                .mapToObj(order -> new NgramDraft(kind, table, order, 1, Choice.DRAWN))
                .toList();
    }

    private static String name(int order) {
        return order == 2 ? "bigram" : order + "-gram";
    }

    @Override
    public long parameters() {
        return 0;
    }

    @Override
    boolean ready() {
        for (int context = order - 1; context >= 0; context--) {
            if (followers.find(text(), length(), context) && (context == 0 || followers.total() >= least)) return true;
        }
        return false;
    }

    @Override
    int kinds() {
        return 5 * COUNTS * SHARES;
    }

    @Override
    int alike() {
        return SHARES;
    }

    @Override
    int evidence() {
        int count = Math.min(COUNTS - 1, 31 - Integer.numberOfLeadingZeros(followers.total()));
        int share = (int) Math.min(SHARES - 1, (long) SHARES * followers.count(0) / followers.total());
        return (followers.length() * COUNTS + count) * SHARES + share;
    }

    @Override
    double confidence(int kind) {
        return (kind % SHARES + 0.5) / SHARES;
    }

    @Override
    int guess(Sampling sampling, Chance chance) {
        int likeliest = followers.id(0);
        if (sampling.greedy()) return likeliest;
        if (choice == Choice.LIKELIEST) {
            law().point(likeliest);
            return likeliest;
        }
        fill();
        return chance.draw(law().from(logits, sampling, null));
    }

    /**
     * The table's contexts of every length together (absolute discounting, interpolated: Ney, Essen and Kneser 1994): of
     * each, from the longest down, a follower has (its count - {@value #DISCOUNT}) / all that followed of what the longer
     * ones left; the shortest has no discount. Beyond the order and the least count of this draft nothing is read.
     */
    @Override
    public void addLaw(double[] to, double weight) {
        double left = weight;
        for (int context = order - 1; context >= 0; context--) {
            if (!followers.find(text(), length(), context)) continue;
            if (context > 0 && followers.total() < least) continue;
            double discount = context == 0 ? 0 : DISCOUNT, taken = 0;
            for (int rank = 0; rank < followers.size(); rank++) {
                double share = (followers.count(rank) - discount) / followers.total();
                to[followers.id(rank)] += left * share;
                taken += share;
            }
            left *= Math.max(0, 1 - taken);
        }
    }

    /** log count, -infinity for ids that never followed. */
    private void fill() {
        Arrays.fill(logits, Double.NEGATIVE_INFINITY);
        for (int rank = 0; rank < followers.size(); rank++) {
            logits[followers.id(rank)] = Math.log(followers.count(rank));
        }
    }
}
