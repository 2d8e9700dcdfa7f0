package dev.outrider.trainer.loss;

/** A divergence in plain double loops over the log-probabilities of both laws; z are the draft's logits / T. */
interface DivergenceReference {
    double value(double[] logP, double[] logQ, int label);

    /** dL/dz; what the loss holds constant is held constant. */
    double[] gradient(double[] logP, double[] logQ, int label);

    /** The reference of a loss; of TVD++ its plain TVD, which {@link TotalVariationPlusReference} divides. */
    static DivergenceReference of(Divergence.PerPosition loss) {
        return switch (loss) {
            case ForwardKl _ -> new ForwardKlReference();
            case ReverseKl _ -> new ReverseKlReference();
            case JensenShannon _ -> new JensenShannonReference();
            case TotalVariation _, TotalVariationPlus _ -> new TotalVariationReference();
            case AcceptanceHybrid(double eta) -> new AcceptanceHybridReference(eta);
            case LabelCrossEntropy _ -> new LabelCrossEntropyReference();
        };
    }

    /** log softmax(logits / T), the likeliest kept out of the sum so that its own is precise near 0. */
    static double[] logs(double[] logits, double temperature) {
        int best = 0;
        for (int i = 0; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
        double tail = 0;
        for (int i = 0; i < logits.length; i++) {
            if (i != best) tail += Math.exp((logits[i] - logits[best]) / temperature);
        }
        double[] logs = new double[logits.length];
        for (int i = 0; i < logits.length; i++) {
            logs[i] = (logits[i] - logits[best]) / temperature - Math.log1p(tail);
        }
        return logs;
    }

    /** Σ min(p, q). */
    static double acceptance(double[] logP, double[] logQ) {
        double sum = 0;
        for (int i = 0; i < logP.length; i++) sum += Math.exp(Math.min(logP[i], logQ[i]));
        return sum;
    }
}
