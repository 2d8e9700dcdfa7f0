package dev.outrider.data.text;

import dev.outrider.data.shard.ShardManifest;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * What {@link TextPipeline} did.
 *
 * @param counts documents read, and how many ended as each {@link Verdict#key()}; read is the sum of the rest
 * @param valid absent if no validation share was asked for
 */
public record TextReport(Path output, Map<String, Long> counts, ShardManifest train, Optional<ShardManifest> valid) {}
