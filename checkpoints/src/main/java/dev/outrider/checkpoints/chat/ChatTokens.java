package dev.outrider.checkpoints.chat;

import dev.outrider.checkpoints.tokenizer.Encoding;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import java.util.List;

/**
 * A conversation as the model reads it. BOS stands in front where the tokenizer puts it before every text and
 * the template did not write it.
 *
 * @param ids [n]
 * @param mask [n], 1 for tokens of the assistant's words and their end tokens: those whose characters touch them
 */
public record ChatTokens(int[] ids, byte[] mask) {
    /**
     * @param words how special tokens inside the messages are read
     * @throws dev.outrider.checkpoints.Failure DATA where the template refuses the messages, or it cannot be told
     *     where their words are
     */
    public static ChatTokens of(ChatTemplate template, Tokenizer tokenizer, List<Message> messages, Words words) {
        return of(template, tokenizer, messages, false, words);
    }

    /** As {@link #of(ChatTemplate, Tokenizer, List, Words)}; with the generation prompt behind the messages if asked. */
    public static ChatTokens of(
            ChatTemplate template, Tokenizer tokenizer, List<Message> messages, boolean generationPrompt, Words words) {
        Rendered rendered = template.renderMarked(messages, generationPrompt);
        List<Span> literal =
                words == Words.LITERAL ? template.words(messages, generationPrompt, rendered.text()) : List.of();
        Encoding encoding = encode(tokenizer, rendered.text(), literal);
        int first = bos(tokenizer, encoding);
        int[] ids = new int[encoding.ids().length + first];
        byte[] mask = new byte[ids.length];
        if (first > 0) ids[0] = tokenizer.bosId();
        for (int i = 0, span = 0; i < encoding.ids().length; i++) {
            ids[i + first] = encoding.ids()[i];
            while (span < rendered.assistant().size()
                    && rendered.assistant().get(span).to() <= encoding.starts()[i]) span++;
            boolean said = span < rendered.assistant().size()
                    && rendered.assistant().get(span).touches(encoding.starts()[i], encoding.ends()[i]);
            mask[i + first] = (byte) (said ? 1 : 0);
        }
        return new ChatTokens(ids, mask);
    }

    /** The ids of a prompt: the messages, and behind them the assistant's turn opened. */
    public static int[] prompt(ChatTemplate template, Tokenizer tokenizer, List<Message> messages, Words words) {
        String text = template.render(messages, true);
        List<Span> literal = words == Words.LITERAL ? template.words(messages, true, text) : List.of();
        Encoding encoding = encode(tokenizer, text, literal);
        int first = bos(tokenizer, encoding);
        int[] ids = new int[encoding.ids().length + first];
        if (first > 0) ids[0] = tokenizer.bosId();
        System.arraycopy(encoding.ids(), 0, ids, first, encoding.ids().length);
        return ids;
    }

    private static Encoding encode(Tokenizer tokenizer, String text, List<Span> literal) {
        return tokenizer.encodeWithOffsets(text, (from, to) -> literal.stream().noneMatch(s -> s.touches(from, to)));
    }

    private static int bos(Tokenizer tokenizer, Encoding encoding) {
        boolean there = encoding.ids().length > 0 && encoding.ids()[0] == tokenizer.bosId();
        return tokenizer.addsBos() && tokenizer.bosId() >= 0 && !there ? 1 : 0;
    }

    /** Tokens with mask 1. */
    public int supervised() {
        int n = 0;
        for (byte m : mask) n += m;
        return n;
    }
}
