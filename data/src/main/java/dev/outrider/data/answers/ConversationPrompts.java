package dev.outrider.data.answers;

import dev.outrider.checkpoints.Checkpoint;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.chat.ChatTokens;
import dev.outrider.checkpoints.chat.Message;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.conversation.Conversation;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.conversation.Example;
import dev.outrider.data.conversation.PictureIds;
import dev.outrider.data.shard.Hashes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Prompts made of conversations: all up to the user's last message, in the template, with the assistant's turn
 * opened. Equal prompts come once, however many answers a file has for them; where the model sees, prompts are equal whose
 * images are, too.
 */
final class ConversationPrompts {
    private final ChatTemplate template;
    private final Tokenizer tokenizer;
    private final Words words;
    private final boolean sees;

    private ConversationPrompts(ChatTemplate template, Tokenizer tokenizer, Words words, boolean sees) {
        this.template = template;
        this.tokenizer = tokenizer;
        this.words = words;
        this.sees = sees;
    }

    static List<Prompt> read(Prompts.Conversations source) {
        try (Checkpoint model = Checkpoint.open(source.model())) {
            boolean sees = model.vision().isPresent();
            Map<String, Asked> all = asked(source.files(), sees);
            Set<String> taken = twice(all.values());
            ChatTemplate template = ChatTemplate.require(source.model(), source.template());
            ConversationPrompts prompts =
                    new ConversationPrompts(template, model.requireTokenizer(), source.words(), sees);
            List<Prompt> out = new ArrayList<>();
            all.forEach((hash, asked) -> out.add(prompts.prompt(asked, taken.contains(asked.id) ? hash : asked.id)));
            return out;
        }
    }

    /** @param id of the only row with this prompt, or its hash */
    private record Asked(Conversation prompt, String id) {}

    // Under the hash of what is said, in the order of the files.
    private static Map<String, Asked> asked(ConversationFiles files, boolean sees) {
        Map<String, Asked> all = new LinkedHashMap<>();
        files.forEach(example -> {
            Conversation prompt = prompt(example, sees);
            String hash = Hashes.of(sees ? prompt.aboutImages() : prompt.text());
            String id = prompt.id().isEmpty() ? hash : prompt.id();
            all.merge(hash, new Asked(prompt, id), (first, next) -> new Asked(first.prompt, hash));
        });
        return all;
    }

    // Pictures that only later answers name are not shown.
    private static Conversation prompt(Example example, boolean sees) {
        Conversation prompt = example instanceof Conversation c ? (sees ? c.seen() : c).prompt() : null;
        if (prompt != null && !prompt.messages().isEmpty()) return sees ? prompt.named() : prompt;
        throw Failure.data(
                example.place(),
                prompt == null ? "tokens" : "no message of the user",
                "a conversation in which the user says something",
                "Remove the row.");
    }

    // Ids of more than one prompt: those prompts go by their hashes.
    private static Set<String> twice(Collection<Asked> all) {
        Set<String> seen = new HashSet<>(), twice = new HashSet<>();
        for (Asked asked : all) if (!seen.add(asked.id)) twice.add(asked.id);
        return twice;
    }

    private Prompt prompt(Asked asked, String id) {
        List<Message> messages = asked.prompt.messages();
        try {
            String text = template.render(messages, true);
            if (!sees) {
                int[] ids = ChatTokens.prompt(template, tokenizer, messages, words);
                return new Prompt(id, asked.prompt.task(), text, ids);
            }
            int[] ids = PictureIds.numbered(tokenizer, ChatTokens.seenPrompt(template, tokenizer, messages, words));
            PictureIds.require(ids, asked.prompt.images().size());
            return new Prompt(id, asked.prompt.task(), text, ids, asked.prompt.images());
        } catch (Failure e) {
            throw new Failure(
                    e.kind(),
                    asked.prompt.place(),
                    "a conversation that cannot be written: " + e.getMessage(),
                    "one that the chat template accepts",
                    "Remove the row.",
                    e);
        }
    }
}
