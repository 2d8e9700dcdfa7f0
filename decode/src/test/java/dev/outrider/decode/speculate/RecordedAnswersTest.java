package dev.outrider.decode.speculate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.tokenizer.SentencePiece;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.decode.ngram.NgramCounter;
import dev.outrider.decode.ngram.NgramTable;
import dev.outrider.decode.speculate.Combined.Candidate;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Drafters without a network on what LLaVA-1.5-7B really said, held out by image: what a table is worth, and that
 * choosing by calibrated rates is worth more than by a table's own shares. Prints its figures.
 */
@Tag("slow")
class RecordedAnswersTest {
    private static final List<String> FILES =
            List.of("llava-1.5-7b-greedy", "llava-1.5-7b-greedy-cut64", "llava-1.5-7b-sampled", "llava-1.5-13b-greedy");
    private static final int[] GAMMAS = {1, 3, 4, 7};
    private static final int EOS = 2;

    /** What one row more costs a target, in passes of one. */
    private static final double ROW = 0.15;

    private final Tokenizer tokenizer =
            SentencePiece.read(Shared.asset("llama-tokenizer").resolve("tokenizer.model"));
    private final int vocabulary = tokenizer.size();
    private final NgramCounter counter = new NgramCounter(vocabulary, 5);
    private final List<Recorded> calibrating = new ArrayList<>();
    private final List<Recorded> mixed = new ArrayList<>();
    private final List<Recorded> described = new ArrayList<>();

    @Test
    void tablesLookUpAndBothOnHeldOutImages() throws IOException {
        for (String file : FILES) read(file);
        NgramTable table = NgramTable.of(vocabulary, tokenizer.hash(), counter, 16, 1, Map.of());
        System.out.printf(
                "%d tokens counted, %d entries, %.1f bytes each; held out: %d calibrating, A %d, B %d answers%n",
                counter.tokens(),
                table.header().allEntries(),
                (double) table.bytes() / table.header().allEntries(),
                calibrating.size(),
                described.size(),
                mixed.size());
        Map<String, Tally> four = new LinkedHashMap<>();
        for (var drafter : drafters(table)) four.put(drafter.name(), report(drafter));
        assertThat(List.of("1-gram", "bigram", "3-gram", "4-gram", "5-gram"))
                .extracting(name -> four.get(name).blockEfficiency())
                .isSorted();
        assertThat(four.get("calibrated").blockEfficiency())
                .isGreaterThan(four.get("raw").blockEfficiency());
        assertThat(tokensForTheirCost(four.get("stopping")))
                .isGreaterThan(1.05 * tokensForTheirCost(four.get("5-gram")));
    }

    /** Tokens in the time of a pass of one row. */
    private static double tokensForTheirCost(Tally tally) {
        return (tally.tokens() - tally.generations()) / (tally.passes() + ROW * tally.drafted());
    }

    private List<Drafter> drafters(NgramTable table) {
        List<StepDrafter> tables = IntStream.rangeClosed(1, 5)
                .<StepDrafter>mapToObj(order -> new NgramDraft(table, order, 1, NgramDraft.Choice.LIKELIEST))
                .toList();
        PromptLookup lookup = new PromptLookup(vocabulary);
        List<StepDrafter> both = List.of(lookup, tables.get(4));
        List<StepDrafter> all = List.of(lookup, tables.get(4), tables.get(3), tables.get(2), tables.get(1));
        Calibration calibration = Calibration.of(all, calibrating);
        List<Drafter> drafters = new ArrayList<>(tables);
        drafters.add(lookup);
        drafters.add(free("raw", both, Calibration.raw(), Costs.FLAT));
        drafters.add(free("calibrated", both, calibration, Costs.FLAT));
        drafters.add(free("every order", all, calibration, Costs.FLAT));
        drafters.add(free("stopping", all, calibration, new Costs(1, 1 + ROW)));
        return drafters;
    }

    private static Combined free(String name, List<StepDrafter> drafters, Calibration calibration, Costs costs) {
        return new Combined(
                name, drafters.stream().map(d -> new Candidate(d, 0)).toList(), calibration, costs);
    }

    /** At γ = 4 over the descriptions. */
    private Tally report(Drafter drafter) {
        Tally four = null;
        StringBuilder line = new StringBuilder("%-12s".formatted(drafter.name()));
        for (List<Recorded> answers : List.of(described, mixed)) {
            line.append(answers == described ? " A" : " B");
            for (int gamma : GAMMAS) {
                Tally tally = new Replay(gamma, Set.of(EOS), 1024).tally(drafter, answers);
                line.append(" γ%d %.3f".formatted(gamma, tally.blockEfficiency()));
                if (gamma == 4 && answers == described) four = tally;
            }
        }
        System.out.printf(
                "%s; A γ4: %.2f of %d drafted accepted, %.2f µs a drafted token%n",
                line,
                (double) four.accepted() / four.drafted(),
                four.drafted(),
                four.draftSeconds() * 1e6 / four.drafted());
        return four;
    }

    private void read(String name) throws IOException {
        ObjectMapper json = new ObjectMapper();
        var file = Shared.asset("llava").resolve(name + ".jsonl.gz");
        try (var lines = new BufferedReader(
                new InputStreamReader(new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
            for (String line; (line = lines.readLine()) != null; ) add(name, json.readTree(line));
        }
    }

    /** Of ten images, two test and one calibrates, with answers of the 7B model that are whole and greedy. */
    private void add(String file, JsonNode row) {
        String image = row.path("image").asText(row.path("id").asText());
        int tenth = Math.floorMod(image.replaceAll("\\D+0*", "").hashCode() * 0x9E3779B1 >>> 8, 10);
        Recorded recorded = recorded(row.path("conversations"), !file.contains("cut"));
        if (tenth > 2) counter.count(recorded.answer());
        else if (!file.equals(FILES.getFirst())) return;
        else if (tenth == 2) calibrating.add(recorded);
        else {
            mixed.add(recorded);
            if (row.path("id").asText().startsWith("lessismore")) described.add(recorded);
        }
    }

    private Recorded recorded(JsonNode conversation, boolean whole) {
        String question = conversation.get(0).path("value").asText().replace("<image>\n", "");
        int[] prompt = tokenizer.encode("USER: " + question + " ASSISTANT:", false);
        int[] answer = tokenizer.encode(conversation.get(1).path("value").asText(), false);
        if (!whole) return new Recorded(prompt, answer);
        answer = Arrays.copyOf(answer, answer.length + 1);
        answer[answer.length - 1] = EOS;
        return new Recorded(prompt, answer);
    }
}
