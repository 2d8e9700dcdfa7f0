package dev.outrider.data.conversation;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.chat.ChatTokens;
import dev.outrider.checkpoints.chat.Message;
import dev.outrider.data.image.ImageNames;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Messages in their order, and the images that they are about. Where a picture stands, the text has {@code <image>}.
 *
 * @param id the row's own; empty where it has none
 * @param task name for grouping in reports, or empty
 * @param images where the images lie, as the row says, in the order of their {@code <image>}
 * @param split the data set's split that the row says it is of ("train", "test"); empty where it does not
 * @param group rows of one group fall on one side of a split: rows of one picture that is named by its number alone
 *     (image_id), say; empty: by their images, or by what is said first
 * @param decoding how the model that answers decoded, as the row says ("greedy", "sampled T=0.7"); empty where it does not
 * @param place file and line
 */
public record Conversation(
        String id,
        String task,
        List<Message> messages,
        List<String> images,
        String split,
        String group,
        String decoding,
        String place)
        implements Example {
    public Conversation {
        // Serializable, whatever lists they were.
        messages = new ArrayList<>(messages);
        images = new ArrayList<>(images);
    }

    /** One of no named split and no group. */
    public Conversation(
            String id, String task, List<Message> messages, List<String> images, String decoding, String place) {
        this(id, task, messages, images, "", "", decoding, place);
    }

    /** Up to the last message of the user, which the target is to answer; without messages where there is none. */
    public Conversation prompt() {
        int end = messages.size();
        while (end > 0 && !messages.get(end - 1).role().equals(Message.USER)) end--;
        return with(messages.subList(0, end));
    }

    /**
     * What it is about: its group, or its first image, under one name for all files that name it differently, or, without
     * one, what the user says first. All that is said about one thing belongs on one side of a split.
     */
    public String subject() {
        if (!group.isEmpty()) return group;
        return images.isEmpty() ? opening() : ImageNames.key(images.getFirst());
    }

    /** {@link #subject} and all its images. */
    public Set<String> subjects() {
        return Stream.concat(Stream.of(subject()), images.stream().map(ImageNames::key))
                .collect(Collectors.toSet());
    }

    private String opening() {
        return messages.stream()
                .filter(m -> m.role().equals(Message.USER))
                .findFirst()
                .map(Message::text)
                .orElse("");
    }

    Conversation with(List<Message> others) {
        return new Conversation(id, task, others, images, split, group, decoding, place);
    }

    /** How often the messages name a picture. */
    int marks() {
        return messages.stream().mapToInt(m -> marks(m.content())).sum();
    }

    private static int marks(Object content) {
        return switch (content) {
            case String text -> text.split(ChatTokens.PICTURE, -1).length - 1;
            case List<?> parts -> parts.stream().mapToInt(Conversation::part).sum();
            case null, default -> 0;
        };
    }

    private static int part(Object part) {
        if (!(part instanceof Map<?, ?> members)) return 0;
        return "image".equals(members.get("type")) ? 1 : marks(members.get("text"));
    }

    /**
     * As the LLaVA repository feeds it to the model: the picture of a turn that names one stands before the turn's text, on a
     * line of its own, wherever the row has it (preprocess_multimodal). Turns that name several keep them where they
     * are.
     *
     * @throws Failure DATA where the messages name another number of pictures than there are images: the repository would
     *     train without those that no message names
     */
    public Conversation seen() {
        if (marks() != images.size()) throw differ();
        return with(messages.stream().map(Conversation::before).toList());
    }

    /** With those of its images alone that its messages name: the first. */
    public Conversation named() {
        List<String> first = images.subList(0, Math.min(images.size(), marks()));
        return new Conversation(id, task, messages, first, split, group, decoding, place);
    }

    private static Message before(Message message) {
        if (!(message.content() instanceof String text) || marks(text) != 1) return message;
        String rest = text.replace(ChatTokens.PICTURE, "").strip();
        return new Message(message.role(), (ChatTokens.PICTURE + "\n" + rest).strip(), message.others());
    }

    private Failure differ() {
        return Failure.data(
                place,
                images.size() + " images and " + marks() + " times " + ChatTokens.PICTURE,
                ChatTokens.PICTURE + " in the text where each image belongs",
                "Correct the row, or let bad rows be skipped.");
    }

    /** All that is said, by whom: equal for equal conversations. */
    public String text() {
        StringBuilder out = new StringBuilder();
        for (Message m : messages)
            out.append(m.role()).append('\n').append(m.text()).append('\n');
        return out.toString();
    }

    /** As {@link #text}, and about which images. */
    public String aboutImages() {
        return String.join(
                "\n", Stream.concat(images.stream(), Stream.of(text())).toList());
    }
}
