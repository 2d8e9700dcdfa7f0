package dev.outrider.data.conversation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.Message;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConversationFilesTest {
    @TempDir
    Path folder;

    // Single quotes stand for double ones.
    private Path write(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text.replace('\'', '"'));
    }

    private static List<Example> read(Path file) {
        List<Example> out = new ArrayList<>();
        ConversationFiles.of(file).forEach(out::add);
        return out;
    }

    private static List<String> said(Example example) {
        return ((Conversation) example)
                .messages().stream().map(m -> m.role() + ":" + m.text()).toList();
    }

    @Test
    void everyFormGivesTheSameTurns() throws IOException {
        List<String> rows = List.of(
                "{'conversations':[{'from':'human','value':'q'},{'from':'gpt','value':'a'}]}",
                "{'conversation':[{'role':'user','content':'q'},{'role':'assistant','content':'a'}]}",
                "{'messages':[{'role':'user','content':'q'},{'role':'assistant','content':'a'}]}",
                "{'messages':[{'role':'user','content':[{'type':'text','text':'q'}]},{'role':'assistant','content':'a'}]}",
                "{'instruction':'q','input':'','output':'a'}",
                "{'prompt':'q','response':'a'}",
                "{'prompt':'q','completion':'a'}",
                "{'question_id':1,'prompt':'q','text':'a','model_id':'m'}");
        for (String row : rows) {
            assertThat(said(read(write("one.json", row)).getFirst())).as(row).containsExactly("user:q", "assistant:a");
        }
    }

    @Test
    void formsKeepWhatElseTheySay() throws IOException {
        Conversation llava = (Conversation) read(write(
                        "llava.json",
                        "[{'id':'7','image':'coco/1.jpg','conversations':[{'from':'human','value':'<image>\\nq'},"
                                + "{'from':'gpt','value':'a'}]}]"))
                .getFirst();
        assertThat(llava.images()).containsExactly("coco/1.jpg");
        assertThat(llava.id()).isEqualTo("7");
        assertThat(llava.messages().getFirst().text()).isEqualTo("<image>\nq");

        assertThat(said(read(write("alpaca.json", "{'instruction':'q','input':'in','output':'a'}"))
                        .getFirst()))
                .containsExactly("user:q\n\nin", "assistant:a");
        assertThat(said(read(write("turns.json", "{'question_id':3,'category':'c','turns':['one','two']}"))
                        .getFirst()))
                .containsExactly("user:one");

        Message calls = ((Conversation) read(write(
                                "tools.json",
                                "{'messages':[{'role':'user','content':'q'},{'role':'assistant','content':null,"
                                        + "'tool_calls':[{'name':'f'}]}]}"))
                        .getFirst())
                .messages()
                .getLast();
        assertThat(calls.others()).containsKey("tool_calls");
        TokenRow tokens = (TokenRow)
                read(write("ids.json", "{'input_ids':[1,2],'loss_mask':[0,1]}")).getFirst();
        assertThat(tokens.ids()).containsExactly(1, 2);
        assertThat(tokens.mask()).containsExactly(0, 1);
    }

    @Test
    void listsLinesAndZippedFilesWithTheirLines() throws IOException {
        String row = "{'prompt':'%s','response':'a'}";
        Path list = write("list.json", "[\n" + row.formatted("x") + ",\n" + row.formatted("y") + "\n]\n");
        Path lines = write("lines.jsonl", row.formatted("x") + "\n\n" + row.formatted("y") + "\n");
        Path zipped = folder.resolve("lines.jsonl.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(zipped))) {
            out.write(Files.readString(lines).getBytes(StandardCharsets.UTF_8));
        }
        assertThat(read(list)).extracting(Example::place).containsExactly(list + ":2", list + ":3");
        assertThat(read(lines)).extracting(Example::place).containsExactly(lines + ":1", lines + ":3");
        assertThat(read(zipped))
                .extracting(ConversationFilesTest::said)
                .isEqualTo(read(lines).stream().map(ConversationFilesTest::said).toList());
        assertThat(read(folder)).hasSize(6);
    }

    private void refused(String text, String... parts) throws IOException {
        Path file = write("bad.jsonl", text);
        assertThatThrownBy(() -> read(file))
                .isInstanceOf(Failure.class)
                .satisfies(e -> assertThat(((Failure) e).kind()).isEqualTo(Failure.Kind.DATA))
                .hasMessageContaining(file.toString())
                .hasMessageContainingAll(parts);
    }

    @Test
    void badRowsAreRefusedByLine() throws IOException {
        String good = "{'prompt':'q','response':'a'}\n";
        refused(good + "{'other':1}\n", ":2", "[other]");
        refused(good + "[1]\n", ":2", "no object");
        refused(good + "{'instruction':'q','output':'a'}\n", ":2", "alpaca", "prompt_response");
        refused(good + "{'prompt':\n", ":3", "no JSON");
        refused("{'conversations':[{'from':'martian','value':'q'}]}", ":1", "martian");
        refused("{'conversations':[{'from':'human'}]}", ":1", "value");
        refused("{'conversations':'q'}", ":1", "list");
        refused("{'input_ids':[1,2],'loss_mask':[1]}", ":1", "2 input_ids");
        refused("{'input_ids':[1],'loss_mask':[2]}", ":1", "loss_mask 2");
        refused("\n", "no rows");
    }

    @Test
    void aNamedFormHolds() throws IOException {
        Path file = write("rows.jsonl", "{'prompt':'p','messages':[{'role':'user','content':'q'}]}");
        assertThat(said(read(file).getFirst())).containsExactly("user:q");
        List<Example> out = new ArrayList<>();
        new ConversationFiles(List.of(file.toString()), Form.named("prompt_response")).forEach(out::add);
        assertThat(said(out.getFirst())).containsExactly("user:p");
        assertThat(Form.named("llava")).isEqualTo(Form.SHAREGPT);
        assertThatThrownBy(() -> Form.named("x")).hasMessageContaining("sharegpt");
    }
}
