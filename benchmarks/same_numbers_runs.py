"""The runs of :mod:`same_numbers`, in the words of the checkout before and of the one after."""

from __future__ import annotations

# Changes to the arguments in the dialect "after": texts replaced in every command, in this order, and runs
# whose commands are written anew.
AFTER_WORDS: tuple[tuple[str, str], ...] = (
    ("critic_start_spread_cutmix", '{"rows":"passing","mix":"cutmix","start":"critic"}'),
    ("critic_network_cutmix", '{"mix":"cutmix","start":"untrained_critic"}'),
    ("critic_start_cutmix", '{"mix":"cutmix","start":"critic"}'),
    ("critic_start_mixup", '{"mix":"mixup","start":"critic"}'),
    ("weighted_mixup", '{"sampling":"natural","loss":"class_weighted","mix":"mixup"}'),
    ("spread_mixup", '{"rows":"passing","mix":"mixup"}'),
    ("spread", '{"rows":"passing"}'),
    (",diverse,", ',{"rows":"diverse","mix":"mixup"},'),
    (",influential,", ',{"rows":"influential","mix":"mixup"},'),
    ("covariance_transfer", '{"head":"covariance"}'),
    ("feature_gan", '{"head":"generated"}'),
    (",focal,", ',{"sampling":"natural","loss":"focal"},'),
    ("random_oversampled", '{"oversample":"random"}'),
    ("duplicated", '{"rows":{"synthetic":"kept","copies":true}}'),
    (",synthetic,", ',{"rows":{"synthetic":"all","mixing":"pooled"}},'),
    ("pretrained", '{"rows":{"synthetic":"passing","mixing":"first"}}'),
    (",critic_network,", ',{"base":"best_real","add":{"start":"untrained_critic"}},'),
    ("critic_and_rows", '{"base":"best_real","add":{"rows":"passing","start":"critic"}}'),
    ("classwise", '{"base":"best_mixing","leave_out":"harmful_classes"}'),
    ("synthesizer.flow.", "synthesizer."),
    ("synthesizer.translation.", "synthesizer."),
    ("synthesizer.stargan.starts", "synthesizer.starts.held"),
    ("evaluation.classifier", "evaluation.model.name"),
    ("evaluation.updates", "evaluation.model.updates"),
    ("evaluation.policy", "evaluation.augmentation.policy"),
    ("evaluation.pool_versions", "evaluation.augmentation.pool_versions"),
    ("evaluation.shares", "evaluation.mixing.shares"),
    ("evaluation.share_seeds", "evaluation.mixing.share_seeds"),
    ("evaluation.anneal", "evaluation.mixing.anneal"),
    ("evaluation.label_minimums", "evaluation.mixing.label_minimums"),
)
AFTER_RUNS: dict[str, tuple[str, ...]] = {}

JUDGED = (
    "judge.updates=60 judge.folds=2 "
    "evaluation.seeds=2 evaluation.updates=20 evaluation.pool_versions=2 "
    "evaluation.share_seeds=1 evaluation.shares=[0.5] execution.processes=1"
)
TINY = f"training.images=640 training.checkpoints=1 training.judged=8 {JUDGED}"
LOOSE = "filters.label.minimum=0.05 filters.acceptance_floor=0 filters.outliers=false"
"""So that short trainings still leave rows that are kept."""
PAIR = "evaluation.arms=[classical,spread]"
FAMILY = (
    f"run digits --set {TINY} {LOOSE} {PAIR} filters.copies=false filters.minimum_candidates=30 "
    "evaluation.updates=4 training.images=512 synthesizer.family="
)
EVERY_ARM = (
    "real,balanced,classical,class_weighted,focal,logit_adjusted,mixup,weighted_mixup,cutmix,oversampled,"
    "random_oversampled,duplicated,synthetic,filtered,spread,spread_mixup,with_synthetic,from_critic,"
    "critic_network,critic_and_rows,critic_network_cutmix,critic_start_cutmix,critic_start_spread_cutmix,"
    "classwise,diverse,influential,pretrained,covariance_transfer,feature_gan,synthetic_only"
)
TWO_CLASSES = "scarcity.per_class.normal=24 scarcity.per_class.pneumonia=72"
# The commands of each run, split at spaces. <data> is the folder of the data sets, <made> that of
# write_foreign, <run> the first finished run folder.
RUNS: dict[str, tuple[str, ...]] = {
    "digits": (
        f"run digits --set {TINY} training.checkpoints=2 {LOOSE}",
        "generate <run> --count 1=20 3=20 --seed 7 --out more",
        f"evaluate --real digits --recipe digits --synthetic <run> --set {JUDGED}",
    ),
    "every_arm": (
        f"run digits --set {TINY} {LOOSE} training.images=3200 judge.updates=200 filters.outliers=true "
        "evaluation.updates=60 "
        f"evaluation.shares=[0.25,0.5] evaluation.arms=[{EVERY_ARM}]",
    ),
    "quick": (f"run digits --set budget=quick {TINY} evaluation.anneal=true evaluation.shares=[0.25,0.75]",),
    "candidates": (
        f'run digits --set {TINY} {LOOSE} {PAIR} candidates=[{{"family":"cvae"}},{{"family":"projection"}}]',
    ),
    "strict_filters": (
        f"run digits --set {TINY} training.images=3200 judge.updates=200 evaluation.label_minimums=[0,0.5] "
        "evaluation.arms=[classical,mixup,filtered,with_synthetic] synthesizer.family=cvae balance=1.2",
    ),
    "options": (
        f"run digits --set {TINY} {PAIR} filters=[copies,duplicates] synthesizer.conditioning=concat "
        "synthesizer.augmentation=[colour,translation,cutout,geometry] evaluation.features=pixels "
        "synthesizer.augmentation_probability=adaptive training.class_power=1 "
        'synthesizer.regularisers={"r1":0.1,"lecam":0.1,"consistency":1} synthesizer.adversarial=hinge '
        'balance={"1":20,"3":10} evaluation.primary_metric=macro_auroc',
    ),
    "sweep": (
        f"sweep digits --grid synthesizer.mode_seeking=[0,0.1] --set {TINY} {LOOSE} {PAIR} "
        "evaluation.shares=[0.25,0.5]",
    ),
    "outer_splits": (
        f"run digits --set {TINY} {LOOSE} evaluation.arms=[classical,mixup,with_synthetic] "
        "evaluation.outer_splits=2",
    ),
    "foreign": (
        f"evaluate --real digits --recipe digits --synthetic <made>/folders --set {JUDGED}",
        f"evaluate --real digits --recipe digits --synthetic <made>/made.npz --set {JUDGED} {PAIR}",
    ),
    "pneumoniamnist": (
        f"run pneumoniamnist --data <data>/pneumoniamnist --set {TINY} {LOOSE} {TWO_CLASSES}",
    ),
    "forest": (
        f"run pneumoniamnist --data <data>/pneumoniamnist --set {TINY} {LOOSE} {TWO_CLASSES} image.size=16 "
        "evaluation.classifier=random_forest synthesizer.family=cvae",
    ),
    "classifiers": tuple(
        f"run digits --set {TINY} {LOOSE} {PAIR} evaluation.updates=4 evaluation.classifier={classifier}"
        for classifier in ("logistic_regression", "gradient_boosting", "resnet18")
    ),
    "mlp": (
        f"run retinamnist --data <data>/retinamnist --set {TINY} {LOOSE} image.size=16 balance=0.5 "
        "evaluation.classifier=mlp synthesizer.family=r3gan",
    ),
    "picture_folders": (
        f"run bccd_cells --data <data>/bccd_cells/images --set {TINY} {LOOSE} {PAIR} image.size=16",
    ),
    "series": (f"run indoor_movement --data <data>/indoor_movement --set {TINY} {LOOSE}",),
    "long_series": (
        f"run default --data <data>/atrial_fibrillation/atrial_fibrillation.npz --set {TINY} {LOOSE} {PAIR} "
        "series.length=64 series.treatment=pad_last evaluation.policy=series split.minimum_per_class=3",
    ),
    "volumes": (
        f"run adrenalmnist3d --data <data>/adrenalmnist3d --set {TINY} {LOOSE} image.size=8 "
        "scarcity.per_class.normal=24 scarcity.per_class.hyperplasia=12 synthesizer.family=gan3d "
        "evaluation.arms=[classical,mixup,with_synthetic,critic_start_mixup]",
    ),
    "one_per_class": (f"{FAMILY}residual synthesizer.per_class=true training.images=1280",),
    **{
        family: (FAMILY + family,)
        for family in (
            *("vanilla", "dcgan", "cgan", "acgan", "projection", "wgan", "wgan-gp", "lsgan", "infogan"),
            *("pggan", "stylegan", "stylegan2", "r3gan", "cvae", "stargan"),
        )
    },
    "flow": (f"{FAMILY}flow synthesizer.flow.steps=4 filters.oversampling=1",),
    "translation": (
        f"{FAMILY}translation synthesizer.translation.steps=10 synthesizer.translation.attempts=2 "
        "filters.oversampling=1",
    ),
    "cyclegan": (f"{FAMILY}cyclegan synthesizer.stargan.starts=50",),
}
OPTIONS = {
    **dict.fromkeys(("run", "evaluate", "sweep"), "--no-prefect --device cpu --out runs"),
    "generate": "--device cpu",
}


def commands_of(name: str, dialect: str) -> tuple[str, ...]:
    """Return the commands of a run in the dialect of a checkout."""
    if dialect == "before":
        return RUNS[name]
    commands = AFTER_RUNS.get(name, RUNS[name])
    for old, new in AFTER_WORDS if name not in AFTER_RUNS else ():
        commands = tuple(command.replace(old, new) for command in commands)
    return commands
