package dev.outrider.checkpoints.tokenizer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The merges of byte-pair encoding: which two symbols become which piece, and in what order of
 * preference. A list of merges ranks each pair by itself (tokenizer.json); a list of scores ranks the
 * resulting pieces, and all ways to make one share its rank (SentencePiece).
 */
final class Merges {
    private static final char SPACE = Spaces.MARK;

    /** Two symbols and the piece they make; the lowest rank goes first. */
    record Merge(int left, int right, int merged, int rank) {}

    private final List<Merge> list;
    private final LongTable table;

    /** @param list in order of rank */
    Merges(List<Merge> list) {
        this.list = List.copyOf(list);
        this.table = new LongTable(list.size());
        for (Merge m : list) table.put(key(m.left, m.right), (long) m.rank << 32 | m.merged);
    }

    /** All ways to cut each normal piece in two symbols; the best score first, equal scores share a rank. */
    static Merges byScore(Vocabulary vocabulary, float[] scores) {
        int[] ranks = ranks(vocabulary, scores);
        List<Merge> list = new ArrayList<>();
        for (int id = 0; id < vocabulary.size(); id++) {
            if (vocabulary.kind(id) == Vocabulary.Kind.NORMAL) cuts(vocabulary, id, ranks[id], list);
        }
        // Ties in the order of Hugging Face's converter, so that files written from scores agree with its own.
        list.sort(Comparator.comparingInt(Merge::rank)
                .thenComparingInt(m -> -vocabulary.length(m.left))
                .thenComparingInt(m -> -vocabulary.length(m.right))
                .thenComparingInt(Merge::merged));
        return new Merges(list);
    }

    private static int[] ranks(Vocabulary vocabulary, float[] scores) {
        List<Integer> order = new ArrayList<>();
        for (int id = 0; id < vocabulary.size(); id++) order.add(id);
        order.sort(Comparator.comparingDouble(id -> 0.0 - scores[id])); // stable; 0.0 - x has no negative zero
        int[] ranks = new int[scores.length];
        for (int i = 1; i < order.size(); i++) {
            int id = order.get(i), before = order.get(i - 1);
            ranks[id] = ranks[before] + (scores[id] == scores[before] ? 0 : 1);
        }
        return ranks;
    }

    private static void cuts(Vocabulary vocabulary, int id, int rank, List<Merge> into) {
        String piece = vocabulary.piece(id);
        for (int at = piece.offsetByCodePoints(0, 1); at < piece.length(); at = piece.offsetByCodePoints(at, 1)) {
            int left = vocabulary.symbol(piece.substring(0, at)), right = vocabulary.symbol(piece.substring(at));
            if (left != Vocabulary.NO_SYMBOL && right != Vocabulary.NO_SYMBOL) {
                into.add(new Merge(left, right, id, rank));
            }
        }
    }

    /** rank &lt;&lt; 32 | merged id, or -1 where the two do not merge. */
    long find(int left, int right) {
        return table.find(key(left, right));
    }

    private static long key(int left, int right) {
        return (long) left << 32 | right & 0xffffffffL;
    }

    /** In order of rank. */
    List<Merge> list() {
        return list;
    }

    /** Whether no merge joins anything to a space mark after it: then text may be cut there without effect. */
    boolean keepWordsApart(Vocabulary vocabulary) {
        return list.stream().noneMatch(m -> joinsWords(vocabulary.piece(m.merged)));
    }

    private static boolean joinsWords(String piece) {
        for (int i = 1; i < piece.length(); i++) {
            if (piece.charAt(i) == SPACE && piece.charAt(i - 1) != SPACE) return true;
        }
        return false;
    }
}
