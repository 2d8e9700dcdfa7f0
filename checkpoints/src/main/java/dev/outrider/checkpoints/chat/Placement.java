package dev.outrider.checkpoints.chat;

import dev.outrider.checkpoints.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds where messages' words land in a rendered conversation, for templates that do not say: two characters
 * that occur nowhere are put around the words, the conversation is rendered again, and where it is the same text
 * but for them, they mark the place. A template may strip words or drop an assistant's thoughts, so narrower
 * bounds are tried too. What cannot be told is refused, never guessed.
 */
final class Placement {
    // Behind the closing tag of a thought, which many templates leave out of the text.
    private static final Pattern THOUGHT = Pattern.compile("</[a-z_]+>\\s*");
    private static final Pattern TOKEN = Pattern.compile("<[^<>\\s]{1,60}>");

    private final ChatTemplate template;
    private final List<Message> messages;
    private final boolean generationPrompt;
    private final String text;
    private final char begin;
    private final char end;

    /** Ways to narrow the bounds of a message's words; each gives null where it would not narrow them. */
    private static final List<BiFunction<Placement, String, Span>> BOUNDS = List.of(
            (p, words) -> new Span(0, words.length()), (p, words) -> stripped(words, 0), Placement::withoutThought);

    /** A message's words in the text, and the bounds within the message that found them. */
    private record Found(Span place, Span bounds) {}

    Placement(ChatTemplate template, List<Message> messages, boolean generationPrompt, String text) {
        this.template = template;
        this.messages = messages;
        this.generationPrompt = generationPrompt;
        this.text = text;
        this.begin = unused('\uE000');
        this.end = unused((char) (begin + 1));
    }

    private char unused(char from) {
        for (char c = from; c < '\uF8FF'; c++) {
            char candidate = c;
            boolean inside = text.indexOf(c) >= 0
                    || template.source().indexOf(c) >= 0
                    || messages.stream().anyMatch(m -> m.text().indexOf(candidate) >= 0);
            if (!inside) return c;
        }
        throw unknown("any message: all marks occur in it");
    }

    private static Span stripped(String words, int from) {
        int to = words.length();
        while (to > from && Character.isWhitespace(words.charAt(to - 1))) to--;
        while (from < to && Character.isWhitespace(words.charAt(from))) from++;
        return new Span(from, to);
    }

    private Span withoutThought(String words) {
        Matcher last = THOUGHT.matcher(words);
        int from = 0;
        while (last.find()) from = last.end();
        return stripped(words, from);
    }

    /** The assistant's words with the end token of each. */
    List<Span> answers() {
        List<Span> out = new ArrayList<>();
        List<Found> found = find(Message::assistant);
        for (int i = 0; i < messages.size(); i++) {
            if (found.get(i) == null) continue;
            Span words = found.get(i).place;
            Span answer = new Span(words.from(), words.to() + ending(i, found.get(i)));
            if (answer.to() > answer.from()) out.add(answer);
        }
        return out;
    }

    /** The words of all messages. */
    List<Span> words() {
        return find(m -> !m.text().isEmpty()).stream()
                .filter(f -> f != null && f.place.to() > f.place.from())
                .map(Found::place)
                .toList();
    }

    // One entry a message; null for those that are not wanted.
    private List<Found> find(Predicate<Message> wanted) {
        // A thought left out concerns one message, not all.
        for (var bounds : BOUNDS.subList(0, BOUNDS.size() - 1)) {
            List<Found> all = together(wanted, bounds);
            if (all != null) return all;
        }
        List<Found> out = new ArrayList<>();
        for (int i = 0; i < messages.size(); i++) out.add(wanted.test(messages.get(i)) ? alone(i) : null);
        return out;
    }

    private List<Found> together(Predicate<Message> wanted, BiFunction<Placement, String, Span> bounds) {
        List<Message> marked = new ArrayList<>();
        List<Span> inside = new ArrayList<>();
        for (Message m : messages) {
            inside.add(wanted.test(m) ? bounds.apply(this, m.text()) : null);
            marked.add(inside.getLast() == null ? m : marked(m, inside.getLast()));
        }
        List<Span> places =
                places(rendered(marked), inside.stream().filter(s -> s != null).count());
        if (places == null) return null;
        List<Found> out = new ArrayList<>();
        int next = 0;
        for (Span span : inside) out.add(span == null ? null : new Found(places.get(next++), span));
        return out;
    }

    private Found alone(int index) {
        for (var bounds : BOUNDS) {
            Span inside = bounds.apply(this, messages.get(index).text());
            List<Message> marked = new ArrayList<>(messages);
            marked.set(index, marked(messages.get(index), inside));
            List<Span> places = places(rendered(marked), 1);
            if (places != null) return new Found(places.getFirst(), inside);
        }
        throw unknown("the words of message " + (index + 1) + " ("
                + messages.get(index).role() + ")");
    }

    // A template may refuse the marked words where it accepts the words: then this is not the way.
    private String rendered(List<Message> marked) {
        try {
            return template.render(marked, generationPrompt);
        } catch (Failure e) {
            return null;
        }
    }

    /** The marked places, in the text without marks; null unless there are so many pairs around the same text. */
    private List<Span> places(String marked, long count) {
        if (marked == null) return null;
        List<Span> out = new ArrayList<>();
        StringBuilder plain = new StringBuilder();
        int open = -1;
        for (int i = 0; i < marked.length(); i++) {
            char c = marked.charAt(i);
            if (c != begin && c != end) {
                plain.append(c);
                continue;
            }
            if ((c == begin) != (open < 0)) return null;
            if (c == end) out.add(new Span(open, plain.length()));
            open = c == begin ? plain.length() : -1;
        }
        return open < 0 && out.size() == count && plain.toString().equals(text) ? out : null;
    }

    // Bounds count the chars of the message's text; parts without text count none.
    private Message marked(Message m, Span bounds) {
        if (m.content() instanceof String words) return m.withContent(marked(words, bounds.from(), bounds.to()));
        if (!(m.content() instanceof List<?> parts)) return m;
        List<Object> out = new ArrayList<>();
        int at = 0;
        boolean opened = false, closed = false;
        for (Object part : parts) {
            String words = Message.text(part);
            if (words == null) {
                out.add(part);
                continue;
            }
            int next = at + words.length();
            boolean opens = !opened && bounds.from() <= next, closes = !closed && bounds.to() <= next;
            Map<Object, Object> copy = new java.util.LinkedHashMap<>((Map<?, ?>) part);
            copy.put("text", marked(words, opens ? bounds.from() - at : -1, closes ? bounds.to() - at : -1));
            out.add(copy);
            opened |= opens;
            closed |= closes;
            at = next;
        }
        return m.withContent(out);
    }

    private String marked(String words, int from, int to) {
        StringBuilder out = new StringBuilder(words);
        if (to >= 0) out.insert(to, end);
        if (from >= 0) out.insert(from, begin);
        return out.toString();
    }

    /**
     * Chars of the end token behind an answer, blanks before it counted; 0 where none is written. It stands in
     * what the template writes behind the answer, whether or not another turn follows.
     */
    private int ending(int index, Found found) {
        String behind = text.substring(found.place.to());
        String last = lastTurn(index, found);
        String both = last == null ? behind : behind.substring(0, common(behind, last));
        String stripped = both.stripLeading();
        if (stripped.isEmpty()) return 0;
        int token = token(stripped);
        if (token == 0) throw unknown("the end token of message " + (index + 1));
        return both.length() - stripped.length() + token;
    }

    // What follows the answer where it is the conversation's last turn; null if that cannot be rendered.
    private String lastTurn(int index, Found found) {
        if (index == messages.size() - 1 && !generationPrompt) return null;
        List<Message> turns = new ArrayList<>(messages.subList(0, index + 1));
        turns.set(index, marked(messages.get(index), found.bounds));
        try {
            String rendered = template.render(turns, false);
            int at = rendered.lastIndexOf(end);
            return at < 0 ? null : rendered.substring(at + 1);
        } catch (Failure e) {
            return null;
        }
    }

    private static int common(String a, String b) {
        int n = 0;
        while (n < Math.min(a.length(), b.length()) && a.charAt(n) == b.charAt(n)) n++;
        return n;
    }

    private int token(String behind) {
        if (template.end() != null && behind.startsWith(template.end()))
            return template.end().length();
        int longest = 0;
        for (String special : template.specials()) {
            boolean here = !special.equals(template.begin()) && behind.startsWith(special);
            if (here) longest = Math.max(longest, special.length());
        }
        Matcher token = TOKEN.matcher(behind);
        if (longest > 0 || !token.lookingAt()) return longest;
        return token.group().equals(template.begin()) ? 0 : token.end();
    }

    private Failure unknown(String what) {
        return Failure.data(
                template.place(),
                "no way to tell where the text has " + what,
                "a template that writes each message's words once and an end token behind the assistant's",
                "Put {% generation %} and {% endgeneration %} around the assistant's words in the template.");
    }
}
