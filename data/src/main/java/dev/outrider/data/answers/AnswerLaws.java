package dev.outrider.data.answers;

import dev.outrider.checkpoints.AtomicFiles;
import dev.outrider.checkpoints.Failure;
import dev.outrider.decode.speculate.TopLaws;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What the target thought at every token of a part's answers, in a file beside the part:
 * {@code part-000000.laws}. Big-endian: magic, K, number of answers; then for each answer its number of tokens,
 * [tokens, K] ids (int32) and [tokens, K] logarithms of probabilities (float16, rounded to nearest).
 */
final class AnswerLaws {
    private static final int MAGIC = 0x4f4c4157;

    private AnswerLaws() {}

    static Path file(Path output, int index) {
        return output.resolve(Part.FOLDER).resolve("part-%06d.laws".formatted(index));
    }

    /** Whole or not at all. @param laws in the order of the part's answers; NONE where there is no answer */
    static void write(Path output, int index, int k, List<TopLaws> laws) {
        AtomicFiles.file(file(output, index), temporary -> {
            try (var out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(temporary), 1 << 16))) {
                out.writeInt(MAGIC);
                out.writeInt(k);
                out.writeInt(laws.size());
                for (TopLaws each : laws) write(out, each);
            }
        });
    }

    private static void write(DataOutputStream out, TopLaws laws) throws IOException {
        out.writeInt(laws.tokens());
        for (int id : laws.ids()) out.writeInt(id);
        for (float log : laws.logProbabilities()) out.writeShort(Float.floatToFloat16(log));
    }

    static List<TopLaws> read(Path output, int index, int k) throws IOException {
        Path file = file(output, index);
        try (var in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 1 << 16))) {
            if (in.readInt() != MAGIC || in.readInt() != k) throw new IOException(file + ": no laws of " + k);
            List<TopLaws> laws = new ArrayList<>();
            for (int left = in.readInt(); left > 0; left--) laws.add(read(in, k));
            return laws;
        }
    }

    private static TopLaws read(DataInputStream in, int k) throws IOException {
        int count = Math.multiplyExact(in.readInt(), k);
        if (count == 0) return TopLaws.NONE;
        int[] ids = new int[count];
        float[] logs = new float[count];
        for (int i = 0; i < count; i++) ids[i] = in.readInt();
        for (int i = 0; i < count; i++) logs[i] = Float.float16ToFloat(in.readShort());
        return new TopLaws(k, ids, logs);
    }

    /** Whether a part's laws are there and fit its answers. */
    static boolean belong(Path output, int index, int k, List<Answer> answers) throws IOException {
        if (!Files.exists(file(output, index))) return false;
        List<TopLaws> laws = read(output, index, k);
        boolean fit = laws.size() == answers.size();
        for (int i = 0; fit && i < laws.size(); i++)
            fit = laws.get(i).tokens() == answers.get(i).answerIds().length;
        return fit;
    }

    /** The laws of a finished folder's part; Failure DATA if they are missing or damaged. */
    static List<TopLaws> require(Path output, int index, int k) {
        try {
            return read(output, index, k);
        } catch (IOException e) {
            throw Failure.data(
                    file(output, index).toString(),
                    "no laws, or damaged ones (" + e.getMessage() + ")",
                    "the " + k + " likeliest ids at every token of the part's answers",
                    "Run the same generation again: it writes what is missing.");
        }
    }
}
