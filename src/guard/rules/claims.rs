//! Somebody who claims a right to command, or to go first.

use super::rule::{Rule, rule};
use crate::guard::found::Kind;

pub(super) const RULES: &[Rule] = &[
    rule(
        Kind::Role,
        &[
            "your creator",
            "your developer",
            "your administrator",
            "your owner",
            "your programmer",
            "your master",
            "system administrator",
            "i'm god",
            "i am god",
            "your maker",
            "your operator",
        ],
        &[],
        r"\b(?:i am|i'm|as|this is|speaking as|on behalf of) (?:your (?:creator|developer|administrator|owner|programmer|master|maker|operator)|the system administrator|god)\b~\b(?:you|i|your|must|need|require|order|instruct|command)\b",
    ),
    rule(
        Kind::Role,
        &[
            "listen to my",
            "obey my",
            "answer all of my",
            "answer all my",
            "follow my",
            "comply with my",
            "god mode>",
            "god mode]",
        ],
        &[],
        r"\byou (?:must|have to|will|shall|need to|are required to|are to)(?: now| always)? (?:listen to|obey|answer|follow|comply with)(?: all| any)?(?: of)? my (?:\w+ )?(?:instructions?|commands?|orders|questions?|requests?)\b|[<\[]god mode[>\]]",
    ),
    rule(
        Kind::Address,
        &[
            "before you",
            "after you",
            "once you",
            "in order to solve",
            "in order to complete",
            "in order to finish",
        ],
        &[],
        r"\b(?:before you (?:can |may |are able to )?(?:solve|complete|answer|continue|proceed|finish|start|begin|do)|in order to (?:solve|complete|finish) (?:the|your) (?:\w+ )?task)\b~~\b(?:do|perform|execute|carry out|complete|send|you (?:must|need to|have to|should) first)\b~\b(?:following|first|this|these)\b|\b(?:after|once) you(?:'ve| have)? (?:do|did|done|complete|completed|finish|finished) (?:that|this|it|so),? (?:you (?:can|may|should) )?(?:solve|continue|proceed|go back|resume|return|complete)\b",
    ),
    rule(
        Kind::Address,
        &[
            "from me",
            "from the user",
            "from your",
            "from the system",
            "from the dev",
            "from the admin",
            "from the operator",
        ],
        &["important", "urgent", "special", "secret", "critical"],
        r"\b(?:important|urgent|special|secret|critical) (?:\w+ )?(?:message|instructions?|notice|request) from (?:me|the user|your (?:user|owner|developer|creator|operator|administrator)|the (?:system|developer|administrator|operator))\b",
    ),
    rule(
        Kind::Address,
        &["ai", "llm", "llms", "language model", "assistant", "agent", "model"],
        &[
            "important",
            "urgent",
            "critical",
            "attention",
            "warning",
            "notice",
            "mandatory",
            "required",
            "alert",
        ],
        r"\b(?:important|urgent|critical|attention|warning|notice|mandatory|required|alert|notice)\b[^a-z0-9]{1,6}(?:the |any |all |every )?(?:ai|llm|language model|assistant|ai agent|ai assistant|agent|model)s? (?:must|should|needs? to|has to|have to|is required to|are required to|shall|will)\b",
    ),
];
