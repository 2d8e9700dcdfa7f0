package dev.outrider.checkpoints.chat;

import dev.outrider.checkpoints.VisionConfig;
import dev.outrider.checkpoints.tokenizer.Encoding;
import dev.outrider.checkpoints.tokenizer.Tokenizer;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A conversation as the model reads it. BOS stands in front where the tokenizer puts it before every text and
 * the template did not write it.
 *
 * @param ids [n]
 * @param mask [n], 1 for tokens of the assistant's words and their end tokens: those whose characters touch them
 */
public record ChatTokens(int[] ids, byte[] mask) {
    /** What stands for a picture in a conversation's text. */
    public static final String PICTURE = "<image>";

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
        return of(template, tokenizer, messages, generationPrompt, words, false);
    }

    /**
     * A conversation with pictures: where the text has {@value #PICTURE} there is one. It becomes the tokenizer's own
     * token of that name; where there is none, {@link VisionConfig#PLACEHOLDER}, and the stretches of text between pictures
     * are tokenised apart, as the LLaVA repository does.
     */
    public static ChatTokens seen(
            ChatTemplate template, Tokenizer tokenizer, List<Message> messages, boolean generationPrompt, Words words) {
        return of(template, tokenizer, messages, generationPrompt, words, true);
    }

    private static ChatTokens of(
            ChatTemplate template,
            Tokenizer tokenizer,
            List<Message> messages,
            boolean generationPrompt,
            Words words,
            boolean pictures) {
        Rendered rendered = template.renderMarked(messages, generationPrompt);
        List<Span> literal =
                words == Words.LITERAL ? template.words(messages, generationPrompt, rendered.text()) : List.of();
        Encoding encoding = encode(tokenizer, rendered.text(), literal, pictures);
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
        return prompt(template, tokenizer, messages, words, false);
    }

    /** The ids of a prompt with pictures, as {@link #seen} reads them. */
    public static int[] seenPrompt(ChatTemplate template, Tokenizer tokenizer, List<Message> messages, Words words) {
        return prompt(template, tokenizer, messages, words, true);
    }

    private static int[] prompt(
            ChatTemplate template, Tokenizer tokenizer, List<Message> messages, Words words, boolean pictures) {
        String text = template.render(messages, true);
        List<Span> literal = words == Words.LITERAL ? template.words(messages, true, text) : List.of();
        Encoding encoding = encode(tokenizer, text, literal, pictures);
        int first = bos(tokenizer, encoding);
        int[] ids = new int[encoding.ids().length + first];
        if (first > 0) ids[0] = tokenizer.bosId();
        System.arraycopy(encoding.ids(), 0, ids, first, encoding.ids().length);
        return ids;
    }

    private static Encoding encode(Tokenizer tokenizer, String text, List<Span> literal, boolean pictures) {
        Tokenizer.SpecialAt special =
                (from, to) -> pictures && text.substring(from, to).equals(PICTURE)
                        || literal.stream().noneMatch(s -> s.touches(from, to));
        if (!pictures || tokenizer.specialId(PICTURE) >= 0) return tokenizer.encodeWithOffsets(text, special);
        return apart(tokenizer, text, special);
    }

    /** The stretches between pictures, each as a text of its own. */
    private static Encoding apart(Tokenizer tokenizer, String text, Tokenizer.SpecialAt special) {
        IntStream.Builder ids = IntStream.builder(), starts = IntStream.builder(), ends = IntStream.builder();
        for (int at = 0; at <= text.length(); ) {
            int begin = at, found = text.indexOf(PICTURE, at), end = found < 0 ? text.length() : found;
            Encoding stretch = tokenizer.encodeWithOffsets(
                    text.substring(begin, end), (from, to) -> special.parsed(begin + from, begin + to));
            for (int i = 0; i < stretch.ids().length; i++) {
                ids.add(stretch.ids()[i]);
                starts.add(begin + stretch.starts()[i]);
                ends.add(begin + stretch.ends()[i]);
            }
            if (found < 0) break;
            at = found + PICTURE.length();
            ids.add(VisionConfig.PLACEHOLDER);
            starts.add(found);
            ends.add(at);
        }
        return new Encoding(
                ids.build().toArray(), starts.build().toArray(), ends.build().toArray());
    }

    private static int bos(Tokenizer tokenizer, Encoding encoding) {
        boolean there = encoding.ids().length > 0 && encoding.ids()[0] == tokenizer.bosId();
        return tokenizer.addsBos() && tokenizer.bosId() >= 0 && !there ? 1 : 0;
    }

    /** The same without what stands for pictures, as a draft reads it that cannot see. */
    public ChatTokens blind(Tokenizer tokenizer) {
        int picture = tokenizer.specialId(PICTURE);
        int[] kept = IntStream.range(0, ids.length)
                .filter(i -> ids[i] != VisionConfig.PLACEHOLDER && (picture < 0 || ids[i] != picture))
                .toArray();
        byte[] keptMask = new byte[kept.length];
        for (int i = 0; i < kept.length; i++) keptMask[i] = mask[kept[i]];
        return new ChatTokens(IntStream.of(kept).map(i -> ids[i]).toArray(), keptMask);
    }

    /** Tokens with mask 1. */
    public int supervised() {
        int n = 0;
        for (byte m : mask) n += m;
        return n;
    }
}
