package dev.outrider.checkpoints.chat;

import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.jinja.Template;
import dev.outrider.checkpoints.jinja.TemplateException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * How a model wants a conversation written: the Jinja template published with it, rendered as Hugging Face
 * transformers' {@code apply_chat_template} does. Immutable and safe for use by several threads.
 */
public final class ChatTemplate {
    /** Where a model's directory keeps it. */
    public static final String FILE = "chat_template.jinja";

    private static final Map<String, Map<String, String>> NAMED = Map.of(
            "chatml", Map.of("bos_token", "<|im_start|>", "eos_token", "<|im_end|>"),
            "llama-2", Map.of("bos_token", "<s>", "eos_token", "</s>"),
            "outrider", Map.of("bos_token", "<s>", "eos_token", "</s>"),
            "vicuna_v1", Map.of("bos_token", "<s>", "eos_token", "</s>"));
    private static final Pattern MARK = Pattern.compile("\\{%[-+]?\\s*generation\\b");

    private final String place;
    private final String source;
    private final Template template;
    private final Map<String, Object> variables;
    private final Set<String> specials;
    private final LocalDateTime now;

    private ChatTemplate(
            String place,
            String source,
            Template template,
            Map<String, Object> variables,
            Set<String> specials,
            LocalDateTime now) {
        this.place = place;
        this.source = source;
        this.template = template;
        this.variables = variables;
        this.specials = specials;
        this.now = now;
    }

    /**
     * @param specials bos_token, eos_token and so on, which the template may name
     * @throws Failure DATA where the template does not parse
     */
    public static ChatTemplate of(String jinja, Map<String, String> specials) {
        return of("chat template", jinja, specials, Set.copyOf(specials.values()));
    }

    static ChatTemplate of(String place, String jinja, Map<String, String> named, Set<String> specials) {
        try {
            return new ChatTemplate(
                    place, jinja, Template.parse(jinja), new LinkedHashMap<>(named), Set.copyOf(specials), null);
        } catch (TemplateException e) {
            throw refused(place, e, "a template of the kind that Hugging Face transformers renders");
        }
    }

    /**
     * One of those that models without a template of their own were trained with: chatml, llama-2, vicuna_v1
     * (LLaVA 1.5 as well), and outrider, that of targets which our own recipes train.
     *
     * @throws Failure USAGE for another name
     */
    public static ChatTemplate named(String name) {
        if (!NAMED.containsKey(name)) {
            throw Failure.usage(
                    "template '" + name + "'", "no such name", String.join(", ", names()), "Choose one of these.");
        }
        try (InputStream in = ChatTemplate.class.getResourceAsStream(name + ".jinja")) {
            String jinja = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return of(
                    "template " + name,
                    jinja,
                    NAMED.get(name),
                    Set.copyOf(NAMED.get(name).values()));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What {@link #named} knows. */
    public static List<String> names() {
        return NAMED.keySet().stream().sorted().toList();
    }

    /**
     * The template that lies with a model: in a directory chat_template.jinja, or the chat_template of
     * tokenizer_config.json (of several the one named default) or of chat_template.json; in a GGUF
     * tokenizer.chat_template. Empty where there is none.
     *
     * @throws Failure DATA naming file and line where it cannot be read
     */
    public static Optional<ChatTemplate> find(Path model) {
        return new TemplateFiles(model).find();
    }

    /**
     * The one of that name, or the model's own.
     *
     * @throws Failure USAGE for an unknown name; DATA where there is no name and the model has no template
     */
    public static ChatTemplate require(Path model, Optional<String> name) {
        return name.map(ChatTemplate::named)
                .or(() -> find(model))
                .orElseThrow(() -> Failure.data(
                        model.toString(),
                        "no chat template",
                        "chat_template.jinja, or chat_template in tokenizer_config.json or in the GGUF",
                        "Name the one it was trained with: " + String.join(", ", names()) + "."));
    }

    /** The same with a variable of its own, such as enable_thinking. */
    public ChatTemplate with(String variable, Object value) {
        Map<String, Object> more = new LinkedHashMap<>(variables);
        more.put(variable, value);
        return new ChatTemplate(place, source, template, more, specials, now);
    }

    /** The same with another time for templates that write the date; otherwise it is the time of rendering. */
    public ChatTemplate at(LocalDateTime time) {
        return new ChatTemplate(place, source, template, variables, specials, time);
    }

    /** The Jinja text. */
    public String source() {
        return source;
    }

    /**
     * @param generationPrompt whether to open the assistant's turn behind the messages
     * @throws Failure DATA naming the template, the line and what it said, where it refuses the messages or fails
     */
    public String render(List<Message> messages, boolean generationPrompt) {
        return output(messages, generationPrompt).text();
    }

    /**
     * As {@link #render}, with the places of what the assistant said and the end token of each: from the
     * template's {@code generation} blocks, or, where it has none, found by rendering the conversation with marks
     * put into it.
     *
     * @throws Failure DATA also where the places cannot be told
     */
    public Rendered renderMarked(List<Message> messages, boolean generationPrompt) {
        Template.Output output = output(messages, generationPrompt);
        if (!MARK.matcher(source).find() || output.marksLost()) {
            Placement placement = new Placement(this, messages, generationPrompt, output.text());
            return new Rendered(output.text(), placement.answers());
        }
        return new Rendered(
                output.text(),
                output.marks().stream()
                        .map(s -> new Span(s.from(), s.to()))
                        .filter(s -> s.to() > s.from())
                        .toList());
    }

    /**
     * Where the messages' own words are in the text: what strangers wrote, as against what the template did.
     *
     * @param text of the same messages and prompt
     * @return in the messages' order, without those whose words are empty
     * @throws Failure DATA where the places cannot be told
     */
    public List<Span> words(List<Message> messages, boolean generationPrompt, String text) {
        return new Placement(this, messages, generationPrompt, text).words();
    }

    private Template.Output output(List<Message> messages, boolean generationPrompt) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("tools", null);
        all.put("documents", null);
        all.putAll(variables);
        all.put("messages", messages.stream().map(Message::members).toList());
        all.put("add_generation_prompt", generationPrompt);
        try {
            return template.render(all, now == null ? LocalDateTime.now() : now);
        } catch (TemplateException e) {
            throw refused(place, e, "messages that it accepts");
        }
    }

    private static Failure refused(String place, TemplateException e, String expected) {
        return new Failure(
                Failure.Kind.DATA,
                place + (e.line() > 0 ? ", line " + e.line() : ""),
                "the complaint: " + e.getMessage(),
                expected,
                "Correct the conversation or the template, or name another template.",
                e);
    }

    /** Where the template is from. */
    public String place() {
        return place;
    }

    /** Texts that become one token. */
    Set<String> specials() {
        return specials;
    }

    /** The token that begins a text, or null. */
    String begin() {
        return variables.get("bos_token") instanceof String s ? s : null;
    }

    /** The token that ends one, or null. */
    String end() {
        return variables.get("eos_token") instanceof String s ? s : null;
    }
}
