package dev.outrider.data.conversation;

import dev.outrider.checkpoints.chat.Message;
import java.util.ArrayList;
import java.util.List;

/**
 * Messages in their order.
 *
 * @param id the row's own; empty where it has none
 * @param task name for grouping in reports, or empty
 * @param image where the image lies, as the row says, or its number alone (image_id); empty without one. Its placeholder
 *     stays in the text
 * @param decoding how the model that answers decoded, as the row says ("greedy", "sampled T=0.7"); empty where it does not
 * @param place file and line
 */
public record Conversation(String id, String task, List<Message> messages, String image, String decoding, String place)
        implements Example {
    public Conversation {
        // Serializable, whatever list it was.
        messages = new ArrayList<>(messages);
    }

    /** Up to the last message of the user, which the target is to answer; without messages where there is none. */
    public Conversation prompt() {
        int end = messages.size();
        while (end > 0 && !messages.get(end - 1).role().equals(Message.USER)) end--;
        return with(messages.subList(0, end));
    }

    /**
     * What it is about: its image, under one name for all files that name it differently, or, without one, what the user
     * says first. All that is said about one thing belongs on one side of a split.
     */
    public String subject() {
        return image.isEmpty() ? opening() : ImageName.of(image);
    }

    private String opening() {
        return messages.stream()
                .filter(m -> m.role().equals(Message.USER))
                .findFirst()
                .map(Message::text)
                .orElse("");
    }

    Conversation with(List<Message> others) {
        return new Conversation(id, task, others, image, decoding, place);
    }

    /** All that is said, by whom: equal for equal conversations. */
    public String text() {
        StringBuilder out = new StringBuilder();
        for (Message m : messages)
            out.append(m.role()).append('\n').append(m.text()).append('\n');
        return out.toString();
    }
}
