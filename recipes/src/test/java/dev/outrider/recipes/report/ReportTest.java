package dev.outrider.recipes.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.checkpoints.Provenance;
import dev.outrider.recipes.report.Evaluation.Piece;
import dev.outrider.recipes.report.Evaluation.Sample;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class ReportTest {
    private static final String PICTURE = "data:image/png;base64,iVBORw0KGgo=";
    private static final String EVIL = "<script>alert(\"1\")</script>&'";

    @TempDir
    Path folder;

    private static String page(String title, Evaluation evaluation, Map<String, Path> metrics) {
        Provenance from = new Provenance(
                "./outrider " + title, "name: " + title, "hash", Map.of("java", title), 7, "", "", "today", Map.of());
        return new Report(title, evaluation, metrics, from, List.of("./outrider chat " + title)).html();
    }

    /** Every tag is closed where it must be: what stands in the body is XML as well. */
    private static Document body(String page) throws Exception {
        assertThat(page).startsWith("<!doctype html>").endsWith("</html>\n");
        String body = page.substring(page.indexOf("<body>"), page.indexOf("</body>") + "</body>".length());
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(body)));
    }

    private static List<Element> all(Document page, String tag) {
        NodeList found = page.getElementsByTagName(tag);
        return java.util.stream.IntStream.range(0, found.getLength())
                .mapToObj(i -> (Element) found.item(i))
                .toList();
    }

    private static List<String> headings(Document page) {
        return all(page, "h2").stream().map(Element::getTextContent).toList();
    }

    private static List<Element> ofClass(Document page, String name) {
        return all(page, "div").stream()
                .filter(e -> e.getAttribute("class").equals(name))
                .toList();
    }

    @Test
    void withPictures() throws Exception {
        List<Sample> samples = Evaluations.DRAFTS.stream()
                .map(d -> Evaluations.sample(d, "<image>\nWhat colour is the circle?", List.of(PICTURE)))
                .toList();
        Document page = body(page("eyes", Evaluations.of(samples), Map.of()));
        assertThat(headings(page)).contains("What the picture is worth", "Draft by draft, task by task", "Answers");
        List<Element> shown = all(page, "img");
        assertThat(shown).as("once for all drafts").hasSize(1);
        assertThat(shown.getFirst().getAttribute("src")).isEqualTo(PICTURE);
        List<Element> answers = ofClass(page, "answer");
        assertThat(answers).hasSize(4);
        assertThat(answers.get(3).getTextContent())
                .contains("ft-llava-115m", "4 of 5 tokens guessed", "circle is red.");
        assertThat(all(page, "span").stream()
                        .filter(s -> s.getAttribute("class").equals("hit"))
                        .map(Element::getTextContent))
                .as("and the one that explains the colour")
                .hasSize(14)
                .contains(" red");
        assertThat(page.getDocumentElement().getTextContent())
                .contains("Where the answer needs the picture: τ = ", "Where the answer does not need it: τ = ");
    }

    /** Four drafts on three tasks at two γ: three figures each, twelve bars in every one. */
    @Test
    void figureOfDraftsAndTasks() throws Exception {
        Document page = body(page("eyes", Evaluations.of(List.of()), Map.of()));
        List<Element> charts =
                all(page, "svg").stream().filter(s -> ofBars(s) > 0).toList();
        assertThat(charts).hasSize(6).allMatch(s -> ofBars(s) == 12);
        assertThat(charts.stream().map(s -> s.getAttribute("aria-label")).distinct())
                .containsExactly("block efficiency τ", "MBSU", "token rate, tokens/s");
        assertThat(all(page, "h3").stream().map(Element::getTextContent)).contains("greedy, γ = 3", "greedy, γ = 5");
    }

    private static long ofBars(Element svg) {
        NodeList rects = svg.getElementsByTagName("rect");
        return java.util.stream.IntStream.range(0, rects.getLength())
                .filter(i -> ((Element) rects.item(i)).getAttribute("class").equals("bar"))
                .count();
    }

    @Test
    void withoutPictures() throws Exception {
        Sample one = new Sample("base-115m", "seen-question", 3, "Hello?", List.of(new Piece("Yes", true)));
        Document page = body(page("plain", Evaluations.blind(List.of(one)), Map.of()));
        assertThat(headings(page)).doesNotContain("What the picture is worth").contains("Answers");
        assertThat(all(page, "img")).isEmpty();
        assertThat(ofClass(page, "answer")).hasSize(1);
        assertThat(ofClass(page, "answer").getFirst().getTextContent()).isEqualTo("Yes");
    }

    /** Answers of one prompt that are not neighbours, or of other pictures, are not thrown together. */
    @Test
    void samplesOfOtherPromptsStandApart() throws Exception {
        String other = "data:image/png;base64,AAAA";
        List<Sample> samples = List.of(
                Evaluations.sample("base-115m", "a", List.of(PICTURE)),
                Evaluations.sample("chat-115m", "a", List.of(PICTURE)),
                Evaluations.sample("base-115m", "a", List.of(other)),
                Evaluations.sample("base-115m", "b", List.of(other)));
        Document page = body(page("apart", Evaluations.of(samples), Map.of()));
        assertThat(ofClass(page, "sample")).hasSize(3);
        assertThat(all(page, "img").stream().map(e -> e.getAttribute("src"))).containsExactly(PICTURE, other, other);
    }

    /** Nothing that a model, a prompt, a recipe or a file says becomes a tag. */
    @Test
    void everythingIsEscaped() throws Exception {
        Evaluation e = Evaluations.of(List.of());
        Sample sample = new Sample(
                EVIL,
                EVIL,
                3,
                EVIL,
                List.of(new Piece(EVIL, true), new Piece(EVIL, false)),
                List.of("\"><script>alert(1)</script>", "javascript:alert(1)", PICTURE));
        Evaluation.Model model = new Evaluation.Model(EVIL, EVIL, 1000, 1000, EVIL, EVIL);
        List<Evaluation.Row> rows = e.rows().stream()
                .map(r -> new Evaluation.Row(
                        EVIL,
                        r.task().equals("seen-question") ? EVIL : r.task(),
                        0,
                        r.gamma(),
                        r.tau(),
                        r.tauLow(),
                        r.tauHigh(),
                        r.c(),
                        r.mbsu(),
                        r.cRead(),
                        r.mbsuRead(),
                        r.tokenRate(),
                        r.baselineRate(),
                        r.ratio(),
                        r.predicted(),
                        r.costRatio(),
                        r.joint(),
                        r.conditional(),
                        1,
                        1))
                .toList();
        List<Evaluation.Outcome> outcomes = List.of(
                new Evaluation.Outcome(EVIL, EVIL, EVIL, 0, 3, 4, 2, 2, 3),
                new Evaluation.Outcome("b", EVIL, EVIL, 0, 3, 4, 2, 2, 3));
        Evaluation evil = new Evaluation(
                model,
                List.of(model),
                rows,
                List.of(sample),
                1,
                1,
                Map.of(EVIL, EVIL),
                EVIL,
                List.of(new Evaluation.Pair(EVIL, "b", Map.of(EVIL, EVIL))),
                outcomes);
        Path metrics = Files.writeString(
                folder.resolve("metrics.jsonl"),
                "{\"step\": 1, \"answers/loss\": 1}\n{\"step\": 2, \"answers/loss\": 2}\n");
        String page = page(EVIL, evil, Map.of(EVIL, metrics));
        assertThat(page).doesNotContain("<script", "javascript:", "alert(\"1\")");
        assertThat(Pattern.compile("src=\"([^\"]*)\"").matcher(page).results().map(m -> m.group(1)))
                .containsExactly(PICTURE);
        Document body = body(page);
        assertThat(all(body, "script")).isEmpty();
        assertThat(ofClass(body, "answer").getFirst().getTextContent()).isEqualTo(EVIL + EVIL);
        assertThat(headings(body)).contains("What the picture is worth", "Training");
    }
}
