package dev.outrider.checkpoints.tokenizer;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The unigram model of SentencePiece (Kudo 2018, arXiv 1804.10959): of all ways to spell a stretch the one whose
 * pieces' log probabilities have the greatest sum (Viterbi); of equals the one whose last piece is longest. A
 * character without a piece costs ten more than the rarest piece and becomes its bytes, or one unknown token for a
 * run of such characters.
 */
final class Unigram implements Model {
    private static final double UNKNOWN_PENALTY = 10;

    /**
     * What a model does beside its pieces.
     *
     * @param unknown id for characters without a piece; -1 where bytes stand for them
     * @param wordsApart whether every space begins a stretch of its own
     */
    record Options(Spaces spaces, int unknown, boolean wordsApart) {
        boolean byteFallback() {
            return unknown < 0;
        }
    }

    private final Vocabulary vocabulary;
    private final double[] scores;
    private final Options options;
    private final PieceTrie trie;
    private final double unknownScore;

    /** @param scores [n] log probabilities; only those of normal pieces count */
    Unigram(Vocabulary vocabulary, double[] scores, Options options) {
        this.vocabulary = vocabulary;
        this.scores = scores.clone();
        this.options = options;
        this.trie = new PieceTrie(vocabulary);
        this.unknownScore = IntStream.range(0, scores.length)
                        .filter(id -> vocabulary.kind(id) == Vocabulary.Kind.NORMAL)
                        .mapToDouble(id -> scores[id])
                        .min()
                        .orElse(0)
                - UNKNOWN_PENALTY;
    }

    @Override
    public Stretch prepare(Stretch stretch, boolean first) {
        return options.spaces.escape(stretch, first);
    }

    @Override
    public Coder coder() {
        return new Viterbi();
    }

    /** The best way to every place of a stretch. Arrays are by place, [0, length]. */
    private final class Viterbi implements Coder {
        private double[] best = new double[64];
        private int[] starts = new int[64];
        private int[] ids = new int[64];
        private int[] path = new int[64];

        @Override
        public void encode(String text, int from, int to, Tokens out) {
            int start = from;
            for (int at = from + 1; options.wordsApart && at < to; at++) {
                if (text.charAt(at) != Spaces.MARK) continue;
                stretch(text, start, at, out);
                start = at;
            }
            stretch(text, start, to, out);
        }

        private void stretch(String text, int from, int to, Tokens out) {
            int length = to - from;
            reserve(length + 1);
            Arrays.fill(best, 0, length + 1, Double.NEGATIVE_INFINITY);
            best[0] = 0;
            for (int at = 0; at < length; at++) {
                // Only places between characters are ever reached.
                if (best[at] > Double.NEGATIVE_INFINITY) extend(text, from, at, length);
            }
            spell(text, from, length, out);
        }

        private void reserve(int size) {
            if (size <= best.length) return;
            best = new double[size];
            starts = new int[size];
            ids = new int[size];
            path = new int[size];
        }

        private void extend(String text, int from, int at, int length) {
            int one = Character.charCount(text.codePointAt(from + at));
            boolean single = false;
            for (int node = 0, end = at; end < length && (node = trie.child(node, text.charAt(from + end++))) >= 0; ) {
                int piece = trie.piece(node);
                if (piece < 0) continue;
                reach(at, end, best[at] + scores[piece], piece);
                single |= end == at + one;
            }
            if (!single) reach(at, at + one, best[at] + unknownScore, -1);
        }

        private void reach(int start, int end, double score, int piece) {
            if (score <= best[end]) return;
            best[end] = score;
            starts[end] = start;
            ids[end] = piece;
        }

        private void spell(String text, int from, int length, Tokens out) {
            int count = 0;
            for (int end = length; end > 0; end = starts[end]) path[count++] = end;
            while (count > 0) {
                int end = path[--count], start = starts[end];
                if (ids[end] < 0 && !options.byteFallback()) {
                    while (count > 0 && ids[path[count - 1]] < 0) end = path[--count];
                    out.add(options.unknown, from + start, from + end);
                } else if (ids[end] < 0) {
                    vocabulary.spell(unknown(text.codePointAt(from + start)), from + start, from + end, out);
                } else {
                    out.add(ids[end], from + start, from + end);
                }
            }
        }

        private static int unknown(int c) {
            return ~(Utf8.unpaired(c) ? 0xFFFD : c);
        }
    }

    @Override
    public String decode(int[] ids) {
        return options.spaces.unescape(vocabulary.unmarked(ids));
    }

    @Override
    public String behaviour() {
        return "unigram " + options;
    }

    @Override
    public IntStream preferences() {
        return Arrays.stream(scores).mapToInt(score -> Float.floatToIntBits((float) score));
    }

    double score(int id) {
        return scores[id];
    }

    Options options() {
        return options;
    }
}
