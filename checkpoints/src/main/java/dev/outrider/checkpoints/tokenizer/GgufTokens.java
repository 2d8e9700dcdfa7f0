package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Merges.Merge;
import dev.outrider.checkpoints.tokenizer.Vocabulary.Kind;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A tokenizer as the metadata {@code tokenizer.ggml.*} of a GGUF file: what {@link GgufTokenizer} reads. GGUF knows
 * no more than a space before every stretch of text or none; a tokenizer that puts one before the first alone
 * (LLaMA with {@code legacy: false}) is written with the former, as llama.cpp's own converter does.
 *
 * @param model {@code llama}, {@code gpt2} or {@code t5}
 * @param pre the pattern's name, {@code default} where there is none
 * @param tokens [n] the pieces
 * @param types [n] 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
 * @param scores [n] of {@code llama} and {@code t5}
 * @param merges "left right" in order, of {@code gpt2} alone
 * @param bosId -1 for none, as the other ids
 * @param spacePrefix whether a space is put in front of text
 * @param collapse whether several spaces become one
 * @param chatTemplate where it came with the tokenizer
 */
public record GgufTokens(
        String model,
        String pre,
        List<String> tokens,
        int[] types,
        Optional<float[]> scores,
        Optional<List<String>> merges,
        int bosId,
        int eosId,
        int unknownId,
        int padId,
        boolean addsBos,
        boolean addsEos,
        boolean spacePrefix,
        boolean collapse,
        Optional<String> chatTemplate) {

    /** @throws Failure USAGE for a tokenizer that GGUF cannot express exactly */
    public static GgufTokens of(Tokenizer tokenizer) {
        if (!(tokenizer instanceof PieceTokenizer pieces)) {
            throw inexpressible("a " + tokenizer.getClass().getSimpleName(), "a tokenizer read or trained by Outrider");
        }
        return switch (pieces.model()) {
            case MarkedBpe bpe -> marked(pieces, bpe);
            case ByteLevelBpe bpe -> byteLevel(pieces, bpe);
            case Unigram unigram -> unigram(pieces, unigram);
        };
    }

    private static GgufTokens marked(PieceTokenizer t, MarkedBpe bpe) {
        float[] scores = scores(t.vocabulary(), bpe.merges());
        boolean prefix = bpe.spaces().prefix() != Spaces.Prefix.NEVER;
        return of(
                t,
                "llama",
                "default",
                Optional.of(scores),
                Optional.empty(),
                prefix,
                bpe.spaces().collapse());
    }

    private static GgufTokens byteLevel(PieceTokenizer t, ByteLevelBpe bpe) {
        GgufPattern pattern = GgufPattern.of(bpe)
                .orElseThrow(() -> inexpressible(bpe.behaviour(), "a pattern of " + GgufPattern.names()));
        List<String> merges = bpe.merges().list().stream()
                .map(m -> t.piece(m.left()) + " " + t.piece(m.right()))
                .toList();
        return of(t, "gpt2", pattern.first(), Optional.empty(), Optional.of(merges), false, false);
    }

    private static GgufTokens unigram(PieceTokenizer t, Unigram unigram) {
        Unigram.Options options = unigram.options();
        if (options.byteFallback())
            throw inexpressible("unigram with bytes for unknown characters", "an unknown token");
        float[] scores = new float[t.size()];
        for (int id = 0; id < scores.length; id++) scores[id] = (float) unigram.score(id);
        Spaces spaces = options.spaces();
        boolean prefix = spaces.prefix() != Spaces.Prefix.NEVER;
        return of(t, "t5", "default", Optional.of(scores), Optional.empty(), prefix, spaces.collapse());
    }

    private static GgufTokens of(
            PieceTokenizer t,
            String model,
            String pre,
            Optional<float[]> scores,
            Optional<List<String>> merges,
            boolean prefix,
            boolean collapse) {
        Ends ends = t.ends();
        int unknown = t.model() instanceof Unigram u ? u.options().unknown() : t.specialId("<unk>");
        return new GgufTokens(
                model,
                pre,
                IntStream.range(0, t.size()).mapToObj(t::piece).toList(),
                types(t.vocabulary(), unknown),
                scores,
                merges,
                ends.bos(),
                ends.eos(),
                unknown,
                ends.pad(),
                ends.addsBos(),
                ends.addsEos(),
                prefix,
                collapse,
                t.origin().chatTemplate());
    }

    private static int[] types(Vocabulary vocabulary, int unknown) {
        int[] types = new int[vocabulary.size()];
        for (int id = 0; id < types.length; id++) {
            types[id] = id == unknown && vocabulary.kind(id) == Kind.CONTROL
                    ? GgufTokenizer.UNKNOWN
                    : type(vocabulary.kind(id));
        }
        return types;
    }

    private static int type(Kind kind) {
        return switch (kind) {
            case NORMAL -> GgufTokenizer.NORMAL;
            case CONTROL -> GgufTokenizer.CONTROL;
            case DEFINED -> GgufTokenizer.USER_DEFINED;
            case UNUSED -> GgufTokenizer.UNUSED;
            case BYTE -> GgufTokenizer.BYTE;
        };
    }

    // A piece's score is the place of its merges; pieces whose merges lie among each other's share one, and
    // those that no merge makes come last. Right if Hugging Face's conversion of the scores gives the merges again.
    private static float[] scores(Vocabulary vocabulary, Merges merges) {
        List<Merge> list = merges.list();
        float[] scores = new float[vocabulary.size()];
        int[] last = new int[scores.length];
        for (int id = 0; id < scores.length; id++) scores[id] = vocabulary.kind(id) == Kind.NORMAL ? -list.size() : 0;
        for (int i = 0; i < list.size(); i++) last[list.get(i).merged()] = i;
        for (int i = 0, first = 0, end = -1; i < list.size(); i++) {
            if (i > end) first = i;
            end = Math.max(end, last[list.get(i).merged()]);
            scores[list.get(i).merged()] = -first;
        }
        if (same(Merges.byScore(vocabulary, scores).list(), list)) return scores;
        throw inexpressible(
                "byte-pair merges that no scores of pieces stand for (those of a trained tokenizer, say)",
                "merges that follow from scores, as those of SentencePiece do");
    }

    private static boolean same(List<Merge> ours, List<Merge> theirs) {
        boolean same = ours.size() == theirs.size();
        for (int i = 0; same && i < ours.size(); i++) {
            Merge a = ours.get(i), b = theirs.get(i);
            same = a.left() == b.left() && a.right() == b.right() && a.merged() == b.merged();
        }
        return same;
    }

    private static Failure inexpressible(String found, String expected) {
        return Failure.usage("tokenizer for GGUF", found, expected, "Export a Hugging Face directory instead.");
    }
}
