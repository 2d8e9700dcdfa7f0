package dev.outrider.trainer.optim;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outrider.checkpoints.Shared;
import java.io.IOException;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class ScheduleTest {
    @Test
    @Tag("goldens")
    void agreesWithTransformers() throws IOException {
        JsonNode golden = new ObjectMapper()
                .readTree(Shared.golden("optim/schedules.json").toFile());
        double base = golden.get("base").doubleValue();
        long warmup = golden.get("warmup").longValue(),
                total = golden.get("total").longValue();
        Map<String, Schedule> schedules = Map.of(
                "linear", Schedule.linear(base, warmup, total),
                "cosine", Schedule.cosine(base, warmup, total));
        schedules.forEach((name, schedule) -> compare(golden.get(name), schedule));
        // The other series are cosines with a floor, which ends their names.
        for (String name : golden.propertyStream().map(Map.Entry::getKey).toList()) {
            if (!golden.get(name).isArray() || schedules.containsKey(name)) continue;
            double floor = Double.parseDouble(name.substring(name.lastIndexOf('_') + 1));
            compare(golden.get(name), new Schedule(Schedule.Shape.COSINE, base, warmup, total, floor));
        }
    }

    private static void compare(JsonNode rates, Schedule schedule) {
        assertThat(rates.size()).isPositive();
        for (int i = 0; i < rates.size(); i++) {
            double rate = rates.get(i).doubleValue();
            assertThat(schedule.rate(i)).isCloseTo(rate, Offset.offset(1e-12 * Math.max(rate, schedule.base() * 1e-4)));
        }
    }

    @Test
    void risesFromZeroAndEndsAtTheFloor() {
        for (Schedule.Shape shape : new Schedule.Shape[] {Schedule.Shape.LINEAR, Schedule.Shape.COSINE}) {
            Schedule schedule = new Schedule(shape, 2, 4, 20, 0.25);
            assertThat(schedule.rate(0)).isZero();
            assertThat(schedule.rate(2)).isEqualTo(1);
            assertThat(schedule.rate(4)).isEqualTo(2);
            assertThat(schedule.rate(12)).isCloseTo(1.25, Offset.offset(1e-12));
            assertThat(schedule.rate(20)).isCloseTo(0.5, Offset.offset(1e-12));
            assertThat(schedule.rate(1000)).isEqualTo(schedule.rate(20));
        }
    }

    @Test
    void withoutWarmupStartsAtTheBase() {
        assertThat(Schedule.cosine(3, 0, 10).rate(0)).isEqualTo(3);
        assertThat(new Schedule(Schedule.Shape.CONSTANT, 3, 0, 10, 0).rate(9)).isEqualTo(3);
    }
}
