package dev.outrider.data.conversation;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.Words;
import dev.outrider.data.text.NearDuplicates;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * What {@link ConversationShards} is to do.
 *
 * @param model whose tokenizer and template it is: a directory or a GGUF
 * @param template one of {@code ChatTemplate.names()}; empty: the model's own
 * @param words how the text of special tokens inside messages is read
 * @param output folder to make, with {@code train/} and, if validShare is above 0, {@code valid/}
 * @param sequenceLength T; longer rows lose their end
 * @param lastTurnOnly whether only the assistant's last turn is supervised
 * @param skipBadRows whether rows that are of no form, or that the template refuses, are counted and left out;
 *     otherwise the first of them is an error
 * @param nearDuplicates how those are found; empty: they stay
 * @param contamination evaluation prompts that must not be trained on; empty: none
 * @param heldOut subjects ({@link Conversation#subjects}) that must not be trained on, whatever is said of them
 * @param pictures store of the pictures that rows name, for a target that sees: their {@code <image>} become placeholders,
 *     and rows whose pictures the store has not are counted and left out, or refused, as bad rows are; empty: the words
 *     stay as they are, as a model reads them that cannot see
 * @param blind without such a store: whether {@code <image>} is left out instead, as a draft reads it that cannot see what
 *     its target does
 * @param validShare share of the conversations, by the hash of their first user's turn (of their images, where
 *     they have some), that go to validation
 */
public record ConversationSpec(
        ConversationFiles files,
        Path model,
        Optional<String> template,
        Words words,
        Path output,
        int sequenceLength,
        boolean lastTurnOnly,
        boolean skipBadRows,
        Optional<NearDuplicates> nearDuplicates,
        Optional<Contamination> contamination,
        Set<String> heldOut,
        Optional<Path> pictures,
        boolean blind,
        double validShare,
        int rowsPerShard,
        long seed) {
    public ConversationSpec {
        heldOut = Set.copyOf(heldOut);
        require(sequenceLength >= 2, "sequence length " + sequenceLength, "2 or more");
        require(validShare >= 0 && validShare < 1, "validation share " + validShare, "a number in [0, 1)");
        require(rowsPerShard >= 1, "rows per shard " + rowsPerShard, "1 or more");
    }

    /** Without pictures. */
    public ConversationSpec(
            ConversationFiles files,
            Path model,
            Optional<String> template,
            Words words,
            Path output,
            int sequenceLength,
            boolean lastTurnOnly,
            boolean skipBadRows,
            Optional<NearDuplicates> nearDuplicates,
            Optional<Contamination> contamination,
            Set<String> heldOut,
            boolean blind,
            double validShare,
            int rowsPerShard,
            long seed) {
        this(
                files,
                model,
                template,
                words,
                output,
                sequenceLength,
                lastTurnOnly,
                skipBadRows,
                nearDuplicates,
                contamination,
                heldOut,
                Optional.empty(),
                blind,
                validShare,
                rowsPerShard,
                seed);
    }

    private static void require(boolean ok, String found, String expected) {
        if (!ok) throw Failure.usage("conversation shards", found, expected, "Correct the setting.");
    }
}
