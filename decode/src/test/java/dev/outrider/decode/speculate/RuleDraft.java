package dev.outrider.decode.speculate;

import java.util.stream.IntStream;

/** Proposes by a rule from the whole text so far; for good, bad and hostile drafters. */
class RuleDraft implements Drafter {
    /** Fills the law and returns a token drawn from it. */
    interface Rule {
        int next(int[] context, Law law, Chance chance);
    }

    private final int vocabulary;
    private final Rule rule;
    private int[] context = {};
    private int[] proposed = {};

    RuleDraft(int vocabulary, Rule rule) {
        this.vocabulary = vocabulary;
        this.rule = rule;
    }

    /** Every token alike. */
    static RuleDraft uniform(int vocabulary) {
        float[] flat = new float[vocabulary];
        return new RuleDraft(
                vocabulary, (context, law, chance) -> chance.draw(law.from(flat, Sampling.temperature(1))));
    }

    /** The token that the target likes least, as a point mass. */
    static RuleDraft wrong(int vocabulary, FakeModel.Logits target) {
        return new RuleDraft(vocabulary, (context, law, chance) -> {
            float[] logits = target.after(context, context.length);
            int worst = 0;
            for (int i = 0; i < logits.length; i++) if (logits[i] < logits[worst]) worst = i;
            law.point(worst);
            return worst;
        });
    }

    /** These tokens after the first, whatever the target says. */
    static RuleDraft script(int vocabulary, int promptLength, int... tokens) {
        return new RuleDraft(vocabulary, (context, law, chance) -> {
            int token = tokens[context.length - promptLength];
            law.point(token);
            return token;
        });
    }

    @Override
    public String name() {
        return "rule";
    }

    @Override
    public int vocabulary() {
        return vocabulary;
    }

    @Override
    public long parameters() {
        return 0;
    }

    @Override
    public void begin(int[] prompt) {
        context = prompt;
        proposed = new int[0];
    }

    @Override
    public Proposal propose(int count, Sampling sampling, Chance chance) {
        int[] text = context;
        Law[] laws = new Law[count];
        for (int i = 0; i < count; i++) {
            laws[i] = new Law(vocabulary);
            text = append(text, rule.next(text, laws[i], chance));
        }
        proposed = IntStream.of(text).skip(context.length).toArray();
        return new Proposal(proposed, laws, count);
    }

    @Override
    public void hear(int kept, int next) {
        for (int i = 0; i < kept; i++) context = append(context, proposed[i]);
        context = append(context, next);
    }

    static int[] append(int[] text, int token) {
        return IntStream.concat(IntStream.of(text), IntStream.of(token)).toArray();
    }
}
