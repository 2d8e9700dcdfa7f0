package dev.outrider.checkpoints.tokenizer;

import dev.outrider.checkpoints.DiskFailures;
import dev.outrider.checkpoints.Failure;
import dev.outrider.checkpoints.tokenizer.AddedTokens.Added;
import dev.outrider.checkpoints.tokenizer.Vocabulary.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads {@code tokenizer.model} of SentencePiece: byte-pair encoding with byte fallback, as LLaMA uses it
 * (merging prefers the piece of the highest score, then the leftmost), and {@link Unigram}. Special tokens in the text are
 * treated as Hugging Face and llama.cpp do: cut out first, each stretch between them marked anew, unless a
 * tokenizer_config.json beside the model says {@code legacy: false}; tokens that it adds are added. Field
 * numbers: sentencepiece_model.proto.
 */
public final class SentencePiece {
    private static final int NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4, UNUSED = 5, BYTE = 6;
    private static final int UNIGRAM = 1, BPE = 2;

    private final String file;
    private final List<String> pieces = new ArrayList<>();
    private final List<Kind> kinds = new ArrayList<>();
    private final List<Float> scores = new ArrayList<>();
    private int model = UNIGRAM;
    private int bosId = 1;
    private int eosId = 2;
    private String normaliser = "none";
    private int charsMap;
    private boolean suffix;
    private boolean byteFallback;
    private int unknownId = -1;
    private boolean dummyPrefix = true;
    private boolean collapse = true;
    private boolean escape = true;
    private boolean legacy = true;
    private final List<Added> more = new ArrayList<>();
    private Optional<String> template = Optional.empty();

    private SentencePiece(String file) {
        this.file = file;
    }

    /** @throws Failure DATA for a damaged file or a kind of model that is not supported */
    public static Tokenizer read(Path file) {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(file);
        } catch (IOException e) {
            throw DiskFailures.reading(file, e);
        }
        SentencePiece reading = new SentencePiece(file.toString());
        reading.model(new Protobuf(file.toString(), bytes));
        reading.config(file.resolveSibling("tokenizer_config.json"));
        return reading.tokenizer();
    }

    private void model(Protobuf in) {
        while (in.next()) {
            switch (in.field()) {
                case 1 -> piece(in.message());
                case 2 -> trainer(in.message());
                case 3 -> normaliser(in.message());
                default -> {}
            }
        }
    }

    // What transformers reads beside the model: where marks go, tokens behind the model's, the chat template.
    private void config(Path config) {
        if (!Files.exists(config)) return;
        JsonPlace root = JsonPlace.read(config);
        legacy = root.at("legacy").absent() || root.at("legacy").flag();
        if (root.at("chat_template").isText())
            template = Optional.of(root.at("chat_template").text());
        JsonPlace tokens = root.at("added_tokens_decoder");
        for (JsonPlace token = tokens; !(token = tokens.at(String.valueOf(pieces.size()))).absent(); ) {
            Added added = TokenizerJsonReader.added(token, pieces.size());
            more.add(added);
            pieces.add(added.content());
            kinds.add(added.special() ? Kind.CONTROL : Kind.DEFINED);
            scores.add(0f);
        }
    }

    private void piece(Protobuf in) {
        String piece = "";
        float score = 0;
        int type = NORMAL;
        while (in.next()) {
            switch (in.field()) {
                case 1 -> piece = in.text();
                case 2 -> score = in.decimal();
                case 3 -> type = in.integer();
                default -> {}
            }
        }
        if (type == UNKNOWN) unknownId = pieces.size();
        kinds.add(kind(type, in.place()));
        pieces.add(piece);
        scores.add(score);
    }

    private Kind kind(int type, String place) {
        return switch (type) {
            case NORMAL -> Kind.NORMAL;
            case UNKNOWN, CONTROL -> Kind.CONTROL;
            case USER_DEFINED -> Kind.DEFINED;
            case UNUSED -> Kind.UNUSED;
            case BYTE -> Kind.BYTE;
            default -> throw unsupported(place, "piece " + pieces.size() + " of type " + type, "types 1 to 6");
        };
    }

    private void trainer(Protobuf in) {
        while (in.next()) {
            switch (in.field()) {
                case 3 -> model = in.integer();
                case 35 -> byteFallback = in.bool();
                case 24 -> suffix = in.bool();
                case 41 -> bosId = in.integer();
                case 42 -> eosId = in.integer();
                default -> {}
            }
        }
    }

    private void normaliser(Protobuf in) {
        while (in.next()) {
            switch (in.field()) {
                case 1 -> normaliser = in.text();
                case 2 -> charsMap = in.length();
                case 3 -> dummyPrefix = in.bool();
                case 4 -> collapse = in.bool();
                case 5 -> escape = in.bool();
                default -> {}
            }
        }
    }

    private Tokenizer tokenizer() {
        check();
        Vocabulary vocabulary = new Vocabulary(file, pieces, kinds);
        Spaces.Prefix marked = legacy ? Spaces.Prefix.EVERY : Spaces.Prefix.FIRST_UNLESS_SPACE;
        Spaces spaces = new Spaces(dummyPrefix ? marked : Spaces.Prefix.NEVER, collapse, dummyPrefix);
        return new PieceTokenizer(
                vocabulary,
                model == UNIGRAM ? unigram(vocabulary, spaces) : bpe(vocabulary, spaces),
                added(Kind.CONTROL),
                added(Kind.DEFINED),
                Ends.llama(control(bosId), control(eosId)),
                Origin.template(template));
    }

    private Model bpe(Vocabulary vocabulary, Spaces spaces) {
        vocabulary.requireBytes(file);
        return new MarkedBpe(vocabulary, Merges.byScore(vocabulary, byId()), spaces);
    }

    private Model unigram(Vocabulary vocabulary, Spaces spaces) {
        if (byteFallback) vocabulary.requireBytes(file);
        if (!byteFallback && unknownId < 0) throw unsupported(file, "neither unknown piece nor bytes", "one of them");
        double[] byId = scores.stream().mapToDouble(Float::doubleValue).toArray();
        return new Unigram(vocabulary, byId, new Unigram.Options(spaces, byteFallback ? -1 : unknownId, false));
    }

    private float[] byId() {
        float[] byId = new float[scores.size()];
        for (int id = 0; id < byId.length; id++) byId[id] = scores.get(id);
        return byId;
    }

    private void check() {
        String[] names = {"0", "unigram", "BPE", "word", "char"};
        if (pieces.isEmpty()) {
            throw Failure.data(file, "no pieces", "a SentencePiece model", "Get the file again.");
        }
        if (model != UNIGRAM && model != BPE) {
            String name = model > 0 && model < names.length ? names[model] : String.valueOf(model);
            throw unsupported(file, "model type " + name, "BPE or unigram");
        }
        if (charsMap > 0) throw unsupported(file, "normaliser " + normaliser, "identity");
        if (suffix || !escape) throw unsupported(file, "spaces written another way", "escape_whitespaces, as prefix");
    }

    private static Failure unsupported(String place, String found, String expected) {
        return Failure.data(
                place,
                found,
                expected,
                "This kind of SentencePiece model is not supported: use a model of the LLaMA family.");
    }

    private AddedTokens added(Kind kind) {
        List<Added> added = new ArrayList<>();
        for (int id = 0; id < pieces.size() - more.size(); id++) {
            if (kinds.get(id) == kind) added.add(Added.plain(id, pieces.get(id), kind == Kind.CONTROL));
        }
        if (kind == Kind.CONTROL) added.addAll(more);
        return new AddedTokens(added);
    }

    private int control(int id) {
        return id >= 0 && id < kinds.size() && kinds.get(id) == Kind.CONTROL ? id : -1;
    }
}
