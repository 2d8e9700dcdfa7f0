package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.AddedTokens.Added;
import dev.outrider.checkpoints.tokenizer.Merges.Merge;
import dev.outrider.checkpoints.tokenizer.Vocabulary.Kind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;

/**
 * Learns a byte-pair vocabulary from word counts (Sennrich, Haddow, Birch 2016, arXiv 1508.07909):
 * again and again the most frequent pair of neighbours becomes a piece. Only words that hold the pair are
 * looked at again; candidates wait in a heap and are checked against the true count when they come up.
 * Deterministic: equal counts are decided by the pair's text.
 */
public final class BpeTrainer {
    /** Part of all characters that gets pieces of its own; rarer ones are spelled by bytes. */
    private static final double COVERAGE = 0.9995;

    /** A word's symbols: the first {@code length} of {@code symbols}. */
    private static final class Word {
        final int[] symbols;
        final long count;
        int length;

        Word(int[] symbols, long count) {
            this.symbols = symbols;
            this.length = symbols.length;
            this.count = count;
        }
    }

    /** Neighbours: how often, and in which words (some of them no more, some twice). */
    private static final class Pair {
        final int left, right;
        final Ids words = new Ids();
        long count;
        long proposed;

        Pair(int left, int right) {
            this.left = left;
            this.right = right;
        }
    }

    private record Candidate(long count, String left, String right, Pair pair) {}

    private static final Comparator<Candidate> BEST = Comparator.comparingLong((Candidate c) -> -c.count)
            .thenComparing(Candidate::left)
            .thenComparing(Candidate::right);

    private final int vocabSize;
    private final List<String> pieces = new ArrayList<>();
    private final List<Kind> kinds = new ArrayList<>();
    private final Map<String, Integer> ids = new HashMap<>();
    private final List<Word> words = new ArrayList<>();
    private final Map<Long, Pair> pairs = new HashMap<>();
    private final List<Pair> changed = new ArrayList<>();
    private final PriorityQueue<Candidate> candidates = new PriorityQueue<>(BEST);
    private final List<Merge> merges = new ArrayList<>();
    private final Set<Long> done = new HashSet<>();

    private BpeTrainer(int vocabSize) {
        this.vocabSize = vocabSize;
    }

    /**
     * A tokenizer with at most vocabSize pieces: {@code <unk>}, {@code <s>}, {@code </s>}, the specials, the 256
     * bytes, the frequent characters, then merges; fewer where the words hold no more pairs that occur twice.
     *
     * @param wordCounts words as {@link Words#split} gives them, and how often each occurs
     * @throws Failure USAGE where vocabSize has no room for bytes and characters, DATA where there are no words
     */
    public static Tokenizer train(Map<String, Long> wordCounts, int vocabSize, List<String> specials) {
        if (wordCounts.isEmpty()) {
            throw Failure.data("tokenizer training", "no words", "text", "Check the corpus and its filters.");
        }
        BpeTrainer trainer = new BpeTrainer(vocabSize);
        trainer.start(specials);
        trainer.characters(wordCounts);
        trainer.load(wordCounts);
        trainer.learn();
        return trainer.tokenizer(3 + specials.size());
    }

    private void start(List<String> specials) {
        for (String special : List.of("<unk>", "<s>", "</s>")) add(special, Kind.CONTROL);
        for (String special : specials) add(special, Kind.CONTROL);
        for (int value = 0; value < 256; value++) add(Vocabulary.byteName(value), Kind.BYTE);
    }

    private int add(String piece, Kind kind) {
        pieces.add(piece);
        kinds.add(kind);
        ids.put(piece, pieces.size() - 1);
        return pieces.size() - 1;
    }

    private void characters(Map<String, Long> wordCounts) {
        Map<String, Long> counts = new HashMap<>();
        wordCounts.forEach(
                (word, count) -> word.codePoints().forEach(c -> counts.merge(Character.toString(c), count, Long::sum)));
        List<Map.Entry<String, Long>> order = new ArrayList<>(counts.entrySet());
        order.sort(Comparator.comparingLong((Map.Entry<String, Long> e) -> -e.getValue())
                .thenComparing(Map.Entry::getKey));
        long all = counts.values().stream().mapToLong(Long::longValue).sum(), covered = 0;
        for (var e : order) {
            if (covered >= COVERAGE * all) break;
            covered += e.getValue();
            add(e.getKey(), Kind.NORMAL);
        }
        if (pieces.size() > vocabSize) {
            throw Failure.usage(
                    "tokenizer vocabulary size",
                    String.valueOf(vocabSize),
                    "at least " + pieces.size() + " (special tokens, 256 bytes, characters)",
                    "Ask for a larger vocabulary.");
        }
    }

    // In the order of the words' text, so that nothing depends on the order of the map.
    private void load(Map<String, Long> wordCounts) {
        wordCounts.entrySet().stream().sorted(Map.Entry.comparingByKey()).forEach(e -> {
            int[] symbols = e.getKey()
                    .codePoints()
                    .map(c -> ids.getOrDefault(Character.toString(c), -1))
                    .toArray();
            words.add(new Word(symbols, e.getValue()));
        });
        for (int w = 0; w < words.size(); w++) {
            Word word = words.get(w);
            for (int i = 0; i + 1 < word.length; i++) count(word.symbols[i], word.symbols[i + 1], word.count, w);
        }
        propose();
    }

    private void learn() {
        while (pieces.size() < vocabSize && !candidates.isEmpty()) {
            Candidate best = candidates.poll();
            if (best.count == best.pair.count) merge(best.pair);
            else if (best.count > best.pair.count) propose(best.pair);
        }
    }

    // A pair comes up again when one of its pieces was made in a second way: it then has its merge already.
    // Text that spells a special token or a byte must not become it.
    private void merge(Pair pair) {
        pairs.remove(key(pair.left, pair.right));
        String text = pieces.get(pair.left) + pieces.get(pair.right);
        Integer known = ids.get(text);
        if (known != null && kinds.get(known) != Kind.NORMAL) return;
        int merged = known == null ? add(text, Kind.NORMAL) : known;
        if (done.add(key(pair.left, pair.right))) merges.add(new Merge(pair.left, pair.right, merged, merges.size()));
        for (int w : pair.words.toArray()) merge(w, pair, merged);
        propose();
    }

    private void merge(int w, Pair pair, int merged) {
        Word word = words.get(w);
        int[] s = word.symbols;
        int to = 0;
        for (int from = 0; from < word.length; from++, to++) {
            s[to] = s[from];
            if (from + 1 == word.length || s[from] != pair.left || s[from + 1] != pair.right) continue;
            s[to] = merged;
            from++;
            if (to > 0) {
                count(s[to - 1], pair.left, -word.count, w);
                count(s[to - 1], merged, word.count, w);
            }
            if (from + 1 < word.length) {
                count(pair.right, s[from + 1], -word.count, w);
                count(merged, s[from + 1], word.count, w);
            }
        }
        word.length = to;
    }

    // Characters without a piece (-1) are never merged; a pair that was removed is not counted down.
    private void count(int left, int right, long change, int w) {
        if (left < 0 || right < 0) return;
        Pair pair = change > 0
                ? pairs.computeIfAbsent(key(left, right), k -> new Pair(left, right))
                : pairs.get(key(left, right));
        if (pair == null) return;
        pair.count += change;
        if (change < 0) return;
        pair.words.add(w);
        changed.add(pair);
    }

    private static long key(int left, int right) {
        return (long) left << 32 | right;
    }

    private void propose() {
        for (Pair pair : changed) if (pair.count > pair.proposed) propose(pair);
        changed.clear();
    }

    private void propose(Pair pair) {
        pair.proposed = pair.count;
        if (pair.count < 2) return;
        candidates.add(new Candidate(pair.count, pieces.get(pair.left), pieces.get(pair.right), pair));
    }

    private Tokenizer tokenizer(int specials) {
        Vocabulary vocabulary = new Vocabulary("trained tokenizer", pieces, kinds);
        List<Added> added = new ArrayList<>();
        for (int id = 0; id < specials; id++) added.add(Added.plain(id, pieces.get(id), true));
        Model bpe = new MarkedBpe(vocabulary, new Merges(merges), Spaces.LLAMA);
        return new PieceTokenizer(
                vocabulary, bpe, new AddedTokens(added), new AddedTokens(List.of()), Ends.llama(1, 2));
    }
}
