package dev.outrider.data.conversation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Published data sets, as they are published. */
class DataSetsTest {
    @TempDir
    Path folder;

    // Single quotes stand for double ones.
    private Path write(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text.replace('\'', '"'));
    }

    private static List<Conversation> read(ConversationFiles files) {
        List<Conversation> out = new ArrayList<>();
        files.forEach(example -> out.add((Conversation) example));
        return out;
    }

    private static List<Conversation> read(Path file) {
        return read(ConversationFiles.of(file));
    }

    private static List<String> said(Conversation c) {
        return c.messages().stream().map(m -> m.role() + ":" + m.text()).toList();
    }

    private static final String COCO_IMAGES = "'images':[{'license':4,'file_name':'000000000009.jpg','id':9},\n"
            + "{'file_name':'000000000025.jpg','id':25}]";
    private static final String COCO_CAPTIONS =
            "'annotations':[{'image_id':25,'id':1,'caption':'A giraffe. '},\n{'image_id':9,'id':2,'caption':'Food.'},\n"
                    + "{'image_id':25,'id':3,'caption':'Two trees.'}]";

    @Test
    void cocoGivesAConversationACaption() throws IOException {
        for (String lists : List.of(COCO_IMAGES + "," + COCO_CAPTIONS, COCO_CAPTIONS + "," + COCO_IMAGES)) {
            List<Conversation> all = read(write(
                    "captions.json", "{'info':{'year':2017},'licenses':[{'id':1}],\n" + lists + ",'type':'captions'}"));
            assertThat(all).hasSize(3);
            assertThat(said(all.getFirst()))
                    .containsExactly(
                            "user:<image>\nProvide a one-sentence caption for the provided image.",
                            "assistant:A giraffe.");
            assertThat(all)
                    .extracting(Conversation::images)
                    .containsExactly(
                            List.of("000000000025.jpg"), List.of("000000000009.jpg"), List.of("000000000025.jpg"));
            assertThat(all).extracting(Conversation::id).containsExactly("1", "2", "3");
            assertThat(all).extracting(Conversation::task).containsOnly("coco-caption");
            assertThat(all.getFirst().seen()).isEqualTo(all.getFirst());
        }
    }

    @Test
    void aCaptionOfNoImageIsRefusedByItsLine() throws IOException {
        Path file = write(
                "captions.json",
                "{" + COCO_IMAGES + ",\n'annotations':[{'image_id':9,'id':2,'caption':'Food.'},\n"
                        + "{'image_id':7,'id':1,'caption':'A giraffe.'}]}");
        assertThatThrownBy(() -> read(file)).isInstanceOf(Failure.class).hasMessageContaining(file + ":4");
        try (ConversationFiles.Rows rows = ConversationFiles.of(file).rows(file.toString())) {
            assertThat(rows.next()).isInstanceOf(ConversationFiles.Row.Read.class);
            assertThat(rows.next()).isInstanceOf(ConversationFiles.Row.Refused.class);
            assertThat(rows.hasNext()).isFalse();
        }
        Path cut = write("cut.json", "{" + COCO_IMAGES + ",\n'annotations':[{'image_id':9,'id':2,");
        assertThatThrownBy(() -> read(cut)).isInstanceOf(Failure.class).hasMessageContaining("no JSON");
        assertThatThrownBy(() -> read(write("empty.json", "{" + COCO_IMAGES + "}")))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("no rows");
    }

    private static final String PROBLEMS = "{'1':{'question':'Which  is north?','choices':['Ohio','Iowa'],'answer':1,"
            + "'hint':'','image':'image.png','lecture':'Maps have\\na rose.','solution':'Look.','split':'train'},\n"
            + "'22':{'question':'Why?','choices':['a','b','c'],'answer':0,'hint':' A text. ','image':null,'lecture':'',"
            + "'solution':'','split':'test'}}";

    @Test
    void scienceQaIsAskedAndThoughtThroughAsLlavaDoes() throws IOException {
        List<Conversation> all = read(write("problems.json", PROBLEMS));
        assertThat(said(all.get(0)))
                .containsExactly(
                        "user:<image>\nWhich is north?\nContext: N/A\nOptions: (A) Ohio (B) Iowa",
                        "assistant:Maps have\na rose. Look. The answer is B.");
        assertThat(said(all.get(1)))
                .containsExactly(
                        "user:Why?\nContext: A text.\nOptions: (A) a (B) b (C) c", "assistant:The answer is A.");
        assertThat(all).extracting(Conversation::images).containsExactly(List.of("1/image.png"), List.of());
        assertThat(all).extracting(Conversation::id).containsExactly("1", "22");
        assertThat(all).extracting(Conversation::split).containsExactly("train", "test");
        assertThat(all).extracting(Conversation::task).containsOnly("scienceqa-cot");
        assertThat(all.get(1).place()).endsWith("problems.json:2");
    }

    @Test
    void onlyTheSplitThatIsAskedFor() throws IOException {
        ConversationFiles files = ConversationFiles.of(write("problems.json", PROBLEMS));
        assertThat(read(files.only("test"))).extracting(Conversation::id).containsExactly("22");
        assertThat(read(files.only("val"))).isEmpty();
        ConversationFiles silent =
                ConversationFiles.of(write("rows.jsonl", "{'prompt':'a'}\n{'prompt':'b','split':'x'}"));
        assertThat(read(silent.only("test"))).hasSize(1);
    }

    @Test
    void badProblemsAreRefusedByTheirLines() throws IOException {
        for (String bad : List.of("'answer':1", "'choices':['Ohio','Iowa']")) {
            String other = bad.startsWith("'a") ? "'answer':2" : "'choices':[]";
            Path file = write("problems.json", PROBLEMS.replace(bad, other));
            assertThatThrownBy(() -> read(file)).isInstanceOf(Failure.class).hasMessageContaining(file + ":1");
        }
    }

    @Test
    void nlvrGivesEachPictureItsStatement() throws IOException {
        String row = "{'sentence':'A box is %s.','label':'%s','identifier':'%d-0','directory':'2','evals':{}}";
        Path file = write(
                "dev.json",
                row.formatted("red", "true", 15) + "\n" + row.formatted("red", "false", 16) + "\n"
                        + row.formatted("blue", "false", 15));
        List<Conversation> all = read(file);
        assertThat(all).hasSize(12 + 6 + 6);
        Conversation third = all.get(4), truth = all.get(5);
        assertThat(said(third))
                .containsExactly(
                        "user:<image>\nIs the following statement about the image true or false? A box is red.\n"
                                + "Answer the question using a single word or phrase.",
                        "assistant:True");
        assertThat(third.images()).containsExactly("images/2/dev-15-0-2.png");
        assertThat(third.id()).isEqualTo("15-0-2");
        assertThat(third.split()).isEqualTo("dev");
        assertThat(said(truth))
                .containsExactly("user:<image>\nState one thing that is true of the image.", "assistant:A box is red.");
        assertThat(truth.images()).isEqualTo(third.images());
        assertThat(truth.task()).isNotEqualTo(third.task());
        assertThat(all.stream().limit(18).map(Conversation::id)).doesNotHaveDuplicates();
        assertThat(said(all.get(12)).getLast()).isEqualTo("assistant:False");
        assertThat(all.stream().limit(18).map(Conversation::group).distinct()).hasSize(1);
        assertThat(all.getLast().group()).isNotEqualTo(third.group());
        assertThat(read(write("train.json", row.formatted("red", "true", 15)))
                        .getFirst()
                        .images())
                .containsExactly("images/2/train-15-0-0.png");
        Path bad = write("bad.json", row.formatted("red", "maybe", 15));
        assertThatThrownBy(() -> read(bad)).isInstanceOf(Failure.class).hasMessageContaining("maybe");
    }

    @Test
    void imagesInEveryForm() throws IOException {
        String turns = "'conversations':[{'from':'human','value':'<image>q'}]";
        String[] forms = {"'image':'a'", "'image':['a']", "'images':['a']", "'images':[{'path':'a'}]"};
        for (String form : forms) {
            Path file = write("rows.json", "{" + form + "," + turns + "}");
            assertThat(read(file).getFirst().images()).as(form).containsExactly("a");
            assertThat(read(write("list.json", "[{" + turns + "," + form + "}]"))
                            .getFirst()
                            .images())
                    .containsExactly("a");
        }
        for (String none : new String[] {"'image':null", "'image':''", "'images':[]", "'image':{'bytes':'x'}"}) {
            assertThat(read(write("rows.json", "{" + none + "," + turns + "}"))
                            .getFirst()
                            .images())
                    .as(none)
                    .isEmpty();
        }
        assertThat(read(write("several.json", "{'image':['a','b']," + turns + "}"))
                        .getFirst()
                        .images())
                .containsExactly("a", "b");
    }

    /** As model_vqa.py asks; rows of conversations say themselves where pictures are. */
    @Test
    void questionsThatStandAloneComeAfterTheirPictures() throws IOException {
        List<String> rows = List.of(
                "{'image':'a','instruction':'q','output':'x'}",
                "{'image':'a','prompt':'q'}",
                "{'image':'a','turns':['q','r']}");
        for (String row : rows) {
            assertThat(said(read(write("row.json", row)).getFirst()).getFirst()).isEqualTo("user:<image>\nq");
        }
        assertThat(said(read(write("row.json", "{'image':'a','prompt':'q <image>'}"))
                        .getFirst()))
                .containsExactly("user:q <image>");
    }

    @Test
    void aTurnsOnlyPictureStandsBeforeIt() throws IOException {
        Conversation c = read(write(
                        "rows.json",
                        "{'image':['a','b','c'],'conversations':[{'from':'human','value':'q\\n<image>'},"
                                + "{'from':'gpt','value':'x'},{'from':'human','value':'<image> or <image>'}]}"))
                .getFirst();
        assertThat(said(c.seen())).containsExactly("user:<image>\nq", "assistant:x", "user:<image> or <image>");
        assertThat(c.prompt().named().images()).hasSize(3);
        assertThat(c.with(c.messages().subList(0, 1)).named().images()).containsExactly("a");
        Conversation parts = read(write(
                        "parts.json",
                        "{'images':['a'],'messages':[{'role':'user','content':[{'type':'image'},{'type':'text','text':'q'}]}]}"))
                .getFirst();
        assertThat(parts.seen()).isEqualTo(parts);
    }

    /** Real files. */
    @Test
    @Tag("goldens")
    void realDataSets() {
        List<Conversation> coco = read(Shared.asset("coco/annotations/captions_val2017.json"));
        assertThat(coco).hasSize(25_014);
        assertThat(coco.stream().flatMap(c -> c.images().stream()).distinct()).hasSize(5_000);
        List<Conversation> science = read(Shared.asset("scienceqa/problems.json"));
        assertThat(science).hasSize(1_773);
        assertThat(science.stream().filter(c -> !c.images().isEmpty())).hasSize(879);
        assertThat(science.stream().collect(Collectors.groupingBy(Conversation::split, Collectors.counting())))
                .containsEntry("train", 1_041L)
                .containsEntry("test", 361L);
        List<Conversation> nlvr = read(Shared.asset("nlvr/dev.json"));
        assertThat(nlvr).hasSize(5_934 + 6 * 547);
        Path images = Shared.asset("nlvr");
        assertThat(nlvr)
                .allSatisfy(
                        c -> assertThat(images.resolve(c.images().getFirst())).exists());
        List<Conversation> llava = read(Shared.asset("llava/llava-1.5-7b-greedy.jsonl.gz"));
        assertThat(llava)
                .hasSize(1_744)
                .allSatisfy(c -> assertThat(c.seen().images()).hasSize(1));
        List<Conversation> bench = read(Shared.asset("prompts/llava-bench-coco.jsonl"));
        assertThat(bench)
                .hasSize(90)
                .allSatisfy(c -> assertThat(c.seen().images()).hasSize(1));
        assertThat(Set.of(bench.getFirst().images())).containsExactly(List.of("COCO_val2014_000000525439.jpg"));
    }
}
