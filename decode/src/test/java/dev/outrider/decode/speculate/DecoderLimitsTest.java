package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.Encoding;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.decode.ngram.NgramTable;
import dev.outrider.decode.speculate.Generation.Finish;
import dev.outrider.decode.speculate.Generation.Pass;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A target that counts upwards, so that every position of a text is known; a draft that does the same. */
class DecoderLimitsTest {
    private static final int VOCABULARY = 100;
    private static final int[] PROMPT = {7, 9};
    private static final FakeModel.Logits NEXT_NUMBER = (context, length) -> {
        float[] logits = new float[VOCABULARY];
        logits[(context[length - 1] + 1) % VOCABULARY] = 1;
        return logits;
    };

    private static Generation decode(int capacity, Drafter drafter, int gamma, Limits limits, Listener listener) {
        Decoder decoder = new Decoder(new FakeModel(VOCABULARY, capacity, NEXT_NUMBER));
        return decoder.speculative(PROMPT, drafter, gamma, Sampling.GREEDY, limits, 0, listener);
    }

    private static Generation decode(int gamma, Limits limits, Listener listener) {
        return decode(64, Drafters.neural(VOCABULARY, 64, NEXT_NUMBER), gamma, limits, listener);
    }

    private static int[] numbers(int from, int to) {
        return IntStream.rangeClosed(from, to).toArray();
    }

    @Test
    void eosInsideAnAcceptedBlockCutsThere() {
        Generation generation = decode(4, new Limits(50, Set.of(17, 60)), Listener.NONE);
        assertThat(generation.tokens()).isEqualTo(numbers(10, 17));
        assertThat(generation.finish()).isEqualTo(Finish.EOS);
        // 10 by the prompt's pass; 11 12 13 14 + 15; 16 17 of four accepted
        assertThat(generation.passes()).containsExactly(new Pass(4, 4, false), new Pass(4, 2, true));
        assertThat(generation.drafted()).containsExactly(false, true, true, true, true, false, true, true);
    }

    @Test
    void eosAsTheTargetsOwnTokenEnds() {
        Generation generation = decode(4, new Limits(50, Set.of(15)), Listener.NONE);
        assertThat(generation.tokens()).isEqualTo(numbers(10, 15));
        assertThat(generation.passes()).containsExactly(new Pass(4, 4, false));
        assertThat(generation.finish()).isEqualTo(Finish.EOS);
    }

    @Test
    void eosAsTheFirstTokenEnds() {
        Generation generation = decode(4, new Limits(50, Set.of(10)), Listener.NONE);
        assertThat(generation.tokens()).containsExactly(10);
        assertThat(generation.passes()).isEmpty();
        assertThat(generation.finish()).isEqualTo(Finish.EOS);
    }

    @Test
    void aRejectedEosDoesNotEnd() {
        RuleDraft draft = RuleDraft.script(VOCABULARY, PROMPT.length, 0, 11, 99, 13, 14, 15, 16);
        Generation generation = decode(64, draft, 3, new Limits(5, Set.of(99)), Listener.NONE);
        assertThat(generation.tokens()).isEqualTo(numbers(10, 14));
        assertThat(generation.passes()).containsExactly(new Pass(3, 1, false), new Pass(1, 1, false));
        assertThat(generation.finish()).isEqualTo(Finish.LENGTH);
    }

    @Test
    void neverMoreThanTheMostTokens() {
        for (int gamma = 1; gamma <= Decoder.MAX_GAMMA; gamma++) {
            for (int most = 1; most <= 20; most++) {
                Generation generation = decode(gamma, new Limits(most, Set.of()), Listener.NONE);
                assertThat(generation.tokens()).isEqualTo(numbers(10, 9 + most));
                assertThat(generation.finish()).isEqualTo(Finish.LENGTH);
            }
        }
    }

    /** The last token needs no room, as it is never read. */
    @Test
    void theRoomInTheCacheIsALimit() {
        for (int capacity = 2; capacity < 12; capacity++) {
            Drafter draft = Drafters.neural(VOCABULARY, 64, NEXT_NUMBER);
            Generation generation = decode(capacity, draft, 5, new Limits(50, Set.of()), Listener.NONE);
            assertThat(generation.tokens()).hasSize(capacity - PROMPT.length + 1);
            assertThat(generation.finish()).isEqualTo(Finish.LENGTH);
        }
    }

    @Test
    void aStopStringIsFoundAcrossTokensAndCutOff() {
        // text "10 11 12 13 ...": "1 12" begins in one accepted token and ends in the next
        Heard heard = new Heard();
        Generation generation = decode(4, stops("1 12", "zebra"), heard);
        assertThat(generation.text()).isEqualTo("10 1");
        assertThat(generation.tokens()).isEqualTo(numbers(10, 12));
        assertThat(generation.finish()).isEqualTo(Finish.STOP);
        assertThat(generation.passes()).containsExactly(new Pass(4, 2, true));
        assertThat(heard.text()).isEqualTo("10 1");
        assertThat(heard.tokens).isEqualTo(List.of(10, 11, 12));
    }

    @Test
    void theEarliestOfSeveralStopStringsCuts() {
        assertThat(decode(4, stops("2", "12 13"), Listener.NONE).text()).isEqualTo("10 11 1");
        assertThat(decode(4, stops("11 12", "12"), Listener.NONE).text()).isEqualTo("10 ");
    }

    /** What looked like the beginning of a stop string is told as soon as it is none, with its origin. */
    @Test
    void textThatMayBecomeAStopStringIsHeldBack() {
        Heard heard = new Heard();
        Generation generation = decode(1, stops("1 12 x", "3 1"), heard);
        assertThat(generation.text()).isEqualTo("10 11 12 1");
        assertThat(heard.text()).isEqualTo(generation.text());
        // 10 own; 11 drafted, held back at "1 "; 12 own; 13 drafted and held back at "3 "
        assertThat(heard.pieces).containsExactly("own:10 ", "drafted:1", "drafted:1 ", "own:12 ", "drafted:1");
    }

    @Test
    void heldBackTextIsToldAtTheEnd() {
        Heard heard = new Heard();
        Limits limits = new Limits(3, Set.of(), List.of("2 13"), Optional.of(new Numbers()));
        assertThat(decode(2, limits, heard).text()).isEqualTo("10 11 12 ");
        assertThat(heard.text()).isEqualTo("10 11 12 ");
    }

    @Test
    void eosIsNoText() {
        Limits limits = new Limits(9, Set.of(12), List.of(), Optional.of(new Numbers()));
        assertThat(decode(4, limits, Listener.NONE).text()).isEqualTo("10 11 ");
    }

    @Test
    void differentVocabulariesAreRefused() {
        Drafter other = new NgramDraft(NgramTable.of(101, 2, List.of(new int[] {100, 1})));
        assertThatThrownBy(() -> decode(64, other, 2, new Limits(3, Set.of()), Listener.NONE))
                .isInstanceOfSatisfying(Failure.class, f -> assertThat(f.kind()).isEqualTo(Failure.Kind.USAGE))
                .hasMessageContaining("101")
                .hasMessageContaining("100");
    }

    @Test
    void settingsThatDoNotFitAreRefused() {
        Limits limits = new Limits(3, Set.of());
        assertThatThrownBy(() -> decode(17, limits, Listener.NONE)).isInstanceOf(Failure.class);
        assertThatThrownBy(() -> decode(0, limits, Listener.NONE)).isInstanceOf(Failure.class);
        Drafter draft = Drafters.neural(VOCABULARY, 64, NEXT_NUMBER);
        assertThatThrownBy(() -> decode(1, draft, 2, limits, Listener.NONE))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("2 tokens");
        Decoder decoder = new Decoder(new FakeModel(VOCABULARY, 8, NEXT_NUMBER));
        assertThatThrownBy(() -> decoder.autoregressive(new int[0], Sampling.GREEDY, limits, 0, Listener.NONE))
                .isInstanceOf(Failure.class);
        assertThatThrownBy(() -> new Limits(0, Set.of())).isInstanceOf(Failure.class);
        assertThatThrownBy(() -> new Limits(1, Set.of(), List.of("x"), Optional.empty()))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("tokenizer");
        assertThatThrownBy(() -> new Limits(1, Set.of(), List.of(""), Optional.of(new Numbers())))
                .isInstanceOf(Failure.class);
    }

    @Test
    void tokenizersAreComparedByHash() {
        Compatibility.require("draft", new Numbers(), "target", new Numbers());
        Tokenizer other = new Numbers() {
            @Override
            public String hash() {
                return "other";
            }
        };
        assertThatThrownBy(() -> Compatibility.require("draft", other, "target", new Numbers()))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("other")
                .hasMessageContaining("numbers");
    }

    private static Limits stops(String... stops) {
        return new Limits(50, Set.of(), List.of(stops), Optional.of(new Numbers()));
    }

    private static final class Heard implements Listener {
        final List<Integer> tokens = new ArrayList<>();
        final List<String> pieces = new ArrayList<>();

        @Override
        public void token(int id, boolean drafted) {
            tokens.add(id);
        }

        @Override
        public void text(String text, boolean drafted) {
            pieces.add((drafted ? "drafted:" : "own:") + text);
        }

        String text() {
            return pieces.stream().map(piece -> piece.split(":")[1]).collect(Collectors.joining());
        }
    }

    /** Spells ids as decimal numbers, each with a space behind it. */
    private static class Numbers implements Tokenizer {
        @Override
        public int size() {
            return VOCABULARY;
        }

        @Override
        public int bosId() {
            return -1;
        }

        @Override
        public int eosId() {
            return -1;
        }

        @Override
        public int[] encode(String text, boolean special) {
            return Arrays.stream(text.trim().split(" "))
                    .mapToInt(Integer::parseInt)
                    .toArray();
        }

        @Override
        public Encoding encodeWithOffsets(String text, SpecialAt special) {
            throw new UnsupportedOperationException();
        }

        @Override
        public String decode(int[] ids) {
            return IntStream.of(ids).mapToObj(this::piece).collect(Collectors.joining());
        }

        @Override
        public String piece(int id) {
            return id + " ";
        }

        @Override
        public String hash() {
            return "numbers";
        }

        @Override
        public int specialId(String piece) {
            return -1;
        }
    }
}
