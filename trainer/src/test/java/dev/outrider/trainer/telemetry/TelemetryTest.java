package dev.outrider.trainer.telemetry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outrider.checkpoints.Failure;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TelemetryTest {
    @TempDir
    Path folder;

    @Test
    void resumedLogDropsLaterStepsAndAHalfLine() throws IOException {
        Path file = folder.resolve("run/metrics.jsonl");
        try (MetricsLog log = new MetricsLog(file, 0)) {
            for (long step = 1; step <= 5; step++) log.record(step, Map.of("loss", 1.0 / step));
        }
        Files.writeString(file, "{\"step\":6,\"lo", StandardOpenOption.APPEND);
        try (MetricsLog log = new MetricsLog(file, 3)) {
            log.record(4, Map.of("loss", 9.0));
        }
        List<String> lines = Files.readAllLines(file);
        assertThat(lines).hasSize(4);
        assertThat(lines.get(2)).contains("\"step\":3");
        assertThat(lines.get(3)).contains("\"step\":4", "9.0");
    }

    @Test
    void unwritableLogIsAUsageError() throws IOException {
        Path blocked = Files.createFile(folder.resolve("file"));
        assertThatThrownBy(() -> new MetricsLog(blocked.resolve("metrics.jsonl"), 0))
                .isInstanceOfSatisfying(
                        Failure.class, f -> assertThat(f.exitCode()).isEqualTo(2));
    }

    // Masked CRC of the empty string is the mask constant alone; "123456789" has CRC-32C e3069283.
    @Test
    void checksumIsMaskedCrc32c() {
        assertThat(TensorBoard.maskedCrc(new byte[0])).isEqualTo(0xa282ead8);
        int crc = 0xe3069283;
        assertThat(TensorBoard.maskedCrc("123456789".getBytes(StandardCharsets.US_ASCII)))
                .isEqualTo((crc >>> 15 | crc << 17) + 0xa282ead8);
    }

    @Test
    void eventFileHasWholeRecordsWithRightChecksums() throws IOException {
        try (TensorBoard board = new TensorBoard(folder)) {
            board.record(300, Map.of("text/loss", 2.5));
        }
        Path file;
        try (var files = Files.list(folder)) {
            file = files.findFirst().orElseThrow();
        }
        List<byte[]> events = records(Files.readAllBytes(file));
        assertThat(events).hasSize(2);
        assertThat(new String(events.get(0), StandardCharsets.ISO_8859_1)).contains("brain.Event:2");
        ByteBuffer event = ByteBuffer.wrap(events.get(1)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(event.get(0)).isEqualTo((byte) 0x09);
        assertThat(event.get(9)).isEqualTo((byte) 0x10);
        assertThat(event.get(10) & 0x7f | event.get(11) << 7).isEqualTo(300);
        assertThat(event.getFloat(event.limit() - 4)).isEqualTo(2.5f);
        assertThat(new String(events.get(1), StandardCharsets.ISO_8859_1)).contains("text/loss");
    }

    private static List<byte[]> records(byte[] file) {
        List<byte[]> out = new ArrayList<>();
        ByteBuffer in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        while (in.hasRemaining()) {
            byte[] length = new byte[8];
            in.get(length);
            assertThat(in.getInt()).isEqualTo(TensorBoard.maskedCrc(length));
            byte[] data = new byte
                    [(int) ByteBuffer.wrap(length)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .getLong()];
            in.get(data);
            assertThat(in.getInt()).isEqualTo(TensorBoard.maskedCrc(data));
            out.add(data);
        }
        return out;
    }

    @Test
    void progressSaysShareRateAndTimeLeft() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (Progress progress =
                new Progress(new PrintStream(bytes, true, StandardCharsets.UTF_8), "train", 0, 10, "tok")) {
            progress.update(10, 5000, "loss 1.0");
        }
        assertThat(bytes.toString(StandardCharsets.UTF_8))
                .contains("train ", "100% 10/10", "tok/s", "ETA 0s", "loss 1.0");
        assertThat(Progress.duration(59.4)).isEqualTo("59s");
        assertThat(Progress.duration(185)).isEqualTo("3m05s");
        assertThat(Progress.duration(7800)).isEqualTo("2h10m");
    }
}
