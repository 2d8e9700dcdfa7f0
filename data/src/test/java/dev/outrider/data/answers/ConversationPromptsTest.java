package dev.outrider.data.answers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.Shared;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.TestTokenizer;
import dev.outrider.data.conversation.ConversationFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConversationPromptsTest {
    private static final String TEMPLATE = "{% for m in messages %}{{ '<' + m.role + '>' + m.content + '\\n' }}"
            + "{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}";

    @TempDir
    Path folder;

    private Path target;

    @BeforeEach
    void model() throws IOException {
        target = TinyTarget.write(folder.resolve("target"));
        Files.writeString(target.resolve("chat_template.jinja"), TEMPLATE);
    }

    private List<Prompt> read(Words words, Path... files) {
        return new Prompts.Conversations(ConversationFiles.of(files), target, Optional.empty(), words).read(() -> null);
    }

    private Path write(String name, String... lines) throws IOException {
        return Files.write(folder.resolve(name), List.of(lines));
    }

    @Test
    void upToTheUsersLastMessageOnceEach() throws IOException {
        Path chats = write(
                "chats.jsonl",
                "{'id':'a','task':'t','conversations':[{'from':'human','value':'hi'},{'from':'gpt','value':'x'}]}",
                "{'id':'b','conversations':[{'from':'human','value':'hi'},{'from':'gpt','value':'y'}]}",
                "{'id':'c','category':'u','conversations':[{'from':'system','value':'s'},{'from':'human','value':'1'},"
                        + "{'from':'gpt','value':'2'},{'from':'human','value':'3'},{'from':'gpt','value':'4'}]}");
        Path turns = write("turns.jsonl", "{'question_id':81,'category':'writing','turns':['one','two']}");
        Files.writeString(chats, Files.readString(chats).replace('\'', '"'));
        Files.writeString(turns, Files.readString(turns).replace('\'', '"'));

        List<Prompt> prompts = read(Words.PARSED, chats, turns);

        assertThat(prompts)
                .extracting(Prompt::text)
                .containsExactlyInAnyOrder(
                        "<user>hi\n<assistant>",
                        "<system>s\n<user>1\n<assistant>2\n<user>3\n<assistant>",
                        "<user>one\n<assistant>");
        assertThat(prompts).extracting(Prompt::id).contains("c", "81").doesNotContain("a", "b");
        assertThat(prompts).extracting(Prompt::task).containsExactlyInAnyOrder("t", "u", "writing");
        Tokenizer tokenizer = TestTokenizer.train();
        for (Prompt p : prompts) assertThat(p.ids()).isEqualTo(tokenizer.encodeWithBos(p.text()));
    }

    @Test
    void whatStrangersTypeStaysText() throws IOException {
        Path file = write("prompts.jsonl", "{\"prompt\":\"go </s> river\"}");
        Tokenizer tokenizer = TestTokenizer.train();
        assertThat(read(Words.PARSED, file).getFirst().ids()).contains(tokenizer.eosId());
        int[] literal = read(Words.LITERAL, file).getFirst().ids();
        assertThat(literal).doesNotContain(tokenizer.eosId());
        assertThat(tokenizer.decode(literal)).contains("go </s> river");
    }

    @Test
    void writtenAndReadAgain() throws IOException {
        List<Prompt> prompts = read(Words.LITERAL, write("prompts.jsonl", "{\"prompt\":\"a\"}", "{\"prompt\":\"b\"}"));
        Path file = folder.resolve("out.jsonl");
        Prompts.Jsonl.write(file, prompts);
        assertThat(new Prompts.Jsonl(List.of(file)).read(() -> null)).isEqualTo(prompts);
    }

    @Test
    void refusesWhatIsNoPromptByItsPlace() throws IOException {
        Path tokens = write("tokens.jsonl", "{\"input_ids\":[1],\"loss_mask\":[1]}");
        assertThatThrownBy(() -> read(Words.PARSED, tokens))
                .isInstanceOf(Failure.class)
                .hasMessageContaining(tokens + ":1");
        Path alone = write("alone.jsonl", "", "{\"messages\":[{\"role\":\"assistant\",\"content\":\"x\"}]}");
        assertThatThrownBy(() -> read(Words.PARSED, alone))
                .isInstanceOf(Failure.class)
                .hasMessageContaining(alone + ":2");
        Path roles = write(
                "roles.jsonl",
                "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"user\",\"content\":\"x\"}]}");
        assertThatThrownBy(() -> new Prompts.Conversations(
                                ConversationFiles.of(roles), target, Optional.of("llama-2"), Words.PARSED)
                        .read(() -> null))
                .isInstanceOf(Failure.class)
                .hasMessageContaining(roles + ":1")
                .hasMessageContaining("template llama-2, line ")
                .hasMessageContaining("must alternate");
    }

    @Test
    void aModelWithoutTemplateIsTold() throws IOException {
        Files.delete(target.resolve("chat_template.jinja"));
        Path file = write("prompts.jsonl", "{\"prompt\":\"a\"}");
        assertThatThrownBy(() -> read(Words.PARSED, file))
                .isInstanceOf(Failure.class)
                .hasMessageContaining("no chat template")
                .hasMessageContaining(ChatTemplate.names().getFirst());
    }

    /** Real files: the rows of AlpacaEval share 705 prompts, Spec-Bench has 480. */
    @Test
    @Tag("goldens")
    void realPrompts() {
        assertThat(read(Words.LITERAL, Shared.asset("instruct/alpaca-eval-48-models.jsonl.gz")))
                .hasSize(705);
        List<Prompt> bench = read(Words.LITERAL, Shared.asset("prompts/spec-bench.jsonl"));
        assertThat(bench).hasSize(480);
        assertThat(bench.stream().collect(Collectors.groupingBy(Prompt::task, Collectors.counting())))
                .containsEntry("translation", 80L)
                .containsEntry("math_reasoning", 80L);
        assertThat(read(Words.LITERAL, Shared.asset("prompts/mt_bench.jsonl"))).hasSize(80);
        assertThat(read(Words.LITERAL, Shared.asset("sharegpt/dummy_conversation.json")))
                .isNotEmpty();
    }
}
