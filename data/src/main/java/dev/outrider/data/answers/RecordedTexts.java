package dev.outrider.data.answers;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTemplate;
import dev.outrider.checkpoints.chat.ChatTokens;
import dev.outrider.checkpoints.chat.Message;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import dev.outrider.data.conversation.Conversation;
import dev.outrider.data.conversation.ConversationFiles;
import dev.outrider.data.conversation.Example;
import dev.outrider.decode.speculate.Recorded;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Answers that were kept as text, in conversations: tokenised again in the model's template, for a replay without the
 * model. Pictures are left out, as a draft reads the text that cannot see. Rows say how the model decoded: only where it was
 * greedy is a replay exact.
 *
 * <p>An answer that was cut at a number of tokens ends wherever it happened to, within a word perhaps: its last word goes,
 * and it has no end token.
 */
public record RecordedTexts(List<Recorded> answers, Decoding decoding) {
    /** How a text was chosen from the model's laws. */
    public enum Decoding {
        GREEDY,
        SAMPLED,
        UNKNOWN;

        /** As rows say it: what begins with greedy, or with sampl. */
        public static Decoding of(String said) {
            String words = said.toLowerCase(Locale.ROOT);
            if (words.startsWith("greedy")) return GREEDY;
            return words.startsWith("sampl") ? SAMPLED : UNKNOWN;
        }
    }

    /**
     * Every answer of the files, by how it was decoded; kinds of which there is none are left out.
     *
     * @throws Failure DATA for a row that is no conversation, or that the template refuses
     */
    public static List<RecordedTexts> of(ConversationFiles files, ChatTemplate template, Tokenizer tokenizer) {
        List<List<Recorded>> found = new ArrayList<>();
        for (int i = 0; i < Decoding.values().length; i++) found.add(new ArrayList<>());
        files.forEach(example -> {
            Conversation c = conversation(example);
            found.get(Decoding.of(c.decoding()).ordinal()).addAll(of(c, template, tokenizer));
        });
        return Arrays.stream(Decoding.values())
                .map(d -> new RecordedTexts(found.get(d.ordinal()), d))
                .filter(kind -> !kind.answers.isEmpty())
                .toList();
    }

    static Conversation conversation(Example example) {
        if (example instanceof Conversation c) return c;
        throw Failure.data(
                example.place(), "tokens", "a conversation", "Tokens of another model's tokenizer cannot be replayed.");
    }

    /** Each of the assistant's turns, with all that stands before it as its prompt. */
    static List<Recorded> of(Conversation conversation, ChatTemplate template, Tokenizer tokenizer) {
        boolean cut = cut(conversation);
        List<Message> messages = cut ? withoutLastWord(conversation.messages()) : conversation.messages();
        ChatTokens tokens = ChatTokens.seen(template, tokenizer, messages, false, Words.LITERAL)
                .blind(tokenizer);
        List<Recorded> out = new ArrayList<>();
        int[] ids = tokens.ids();
        for (int from = 0; from < ids.length; ) {
            int to = from;
            while (to < ids.length && tokens.mask()[to] == 1) to++;
            int end = cut && noMore(tokens, to) && to > from && ids[to - 1] == tokenizer.eosId() ? to - 1 : to;
            if (from > 0 && end > from)
                out.add(new Recorded(Arrays.copyOf(ids, from), Arrays.copyOfRange(ids, from, end)));
            from = to == from ? from + 1 : to;
        }
        return out;
    }

    /** Whether it is what the model says under greedy decoding, to its end. */
    static boolean wholeGreedy(Conversation conversation) {
        return Decoding.of(conversation.decoding()) == Decoding.GREEDY && !cut(conversation);
    }

    private static boolean cut(Conversation conversation) {
        return conversation.decoding().contains("cut");
    }

    private static boolean noMore(ChatTokens tokens, int from) {
        for (int i = from; i < tokens.mask().length; i++) if (tokens.mask()[i] == 1) return false;
        return true;
    }

    private static List<Message> withoutLastWord(List<Message> messages) {
        List<Message> out = new ArrayList<>(messages);
        Message last = out.getLast();
        if (last.assistant())
            out.set(
                    out.size() - 1,
                    Message.of(last.role(), withoutLastWord(last.text().strip())));
        return out;
    }

    private static String withoutLastWord(String text) {
        int end = text.length();
        while (end > 0 && !Character.isWhitespace(text.charAt(end - 1))) end--;
        return text.substring(0, end).stripTrailing();
    }
}
