//! Turns of a conversation that a text has no right to open, and words to whoever reads by machine.

use super::rule::{Rule, rule};
use crate::guard::found::Kind;

pub(super) const RULES: &[Rule] = &[
    // Turns of a conversation that the text has no right to open.
    rule(
        Kind::Role,
        &["<|"],
        r"<\|(?:im_start|im_end|im_sep|system|user|assistant|developer|tool|tools|endoftext|end_of_text|begin_of_text|start_header_id|end_header_id|eot_id|eom_id|endofprompt|channel|message|start|end|return|call|end_of_turn|start_of_turn|tool_call|tool_response|python_tag|observation|start_of_role|end_of_role)\|>",
    ),
    rule(
        Kind::Role,
        &["inst]", "<<sys>>", "<</sys>>", "_of_turn>"],
        r"\[/?inst\]|<</?sys>>|</?(?:start|end)_of_turn>",
    ),
    rule(
        Kind::Role,
        &[
            "<system",
            "<assistant",
            "<admin",
            "<developer",
            "<sys>",
            "<instruction",
            "<important",
            "<critical",
            "<secret",
            "<hidden",
            "<override",
            "<human",
            "</user",
            "</tool",
            "</function",
            "</system",
            "</document",
            "</context",
        ],
        r"<(?:system|assistant|admin|developer|sys|instructions?|information|important|critical|secret|hidden|override|human)(?:[ _-](?:message|prompt|note|notice|instructions?|override|reminder|update|alert))?\s*>\s*(?:[a-z\[]|\n)|</(?:user|tool|function|system|document|context)[ _-]?(?:query|result|results|response|output|input|message|data|text)?>\s*<(?:system|user|assistant|human|instructions?)",
    ),
    rule(
        Kind::Role,
        &[
            "# system",
            "#system",
            "# instruction",
            "#instruction",
            "# response",
            "# human",
            "# user",
            "# assistant",
        ],
        r"(?:^|\n)#{2,4} ?(?:system|instructions?|human|user|assistant|new instructions?)(?: (?:prompt|message|instructions?))?:\s*[a-z\[]",
    ),
    rule(
        Kind::Role,
        &["from the", "from your", "by the"],
        r"\b(?:next|new|another|remaining|additional|following|pending|urgent) (?:task|request|instruction|message|command|order|prompt|query)s? (?:from|by) (?:the |your )?(?:user|human|customer|operator|system|developer|admin|administrator)\b",
    ),
    rule(
        Kind::Role,
        &["the user has", "user already", "the user just", "your user has"],
        r"\b(?:the|your) user (?:has )?(?:also |already |just |previously |explicitly )*(?:requested|authori[sz]ed|instructed|approved|asked|consented|agreed)(?: that| for| to)? (?:you|the assistant|the agent|the ai|this (?:action|transaction|operation|request))\b",
    ),
    rule(
        Kind::Role,
        &["human:", "user:", "assistant:", "system:"],
        r"(?:^|\n)(?:human|user): ?[^\n]{12,400}\n+(?:assistant|ai|bot|model): ?[^\n]{8}",
    ),
    rule(
        Kind::Role,
        &["system"],
        r"(?:^|\n|[\[({<#>*!]|- )\s*system (?:message|notice|alert|prompt|note|instructions?|command|directive|announcement|request)s?(?: (?:for|to) [a-z ]{2,30}| update)?\s*[\])}>]?\s*: ~~\b(?:you|your|must|ignore|please|assistant|ai|do not|immediately|send|call|execute|always)\b",
    ),
    rule(
        Kind::Role,
        &["system:", "[system]", "(system)", "system]:", "assistant:", "[admin]"],
        r"(?:^|\n|[\[(<>]|-- )\s*(?:system|assistant|admin)\s*[\])]?\s*:?\s+(?:you (?:are|must|should|will|have|need)|ignore|always|never|please|disregard|from now|new|forget|the user|override|do not|before|after|when)\b",
    ),
    rule(
        Kind::Role,
        &["end of", "end_of", "begin ", "start of", "start new", "beginning of"],
        r"(?:[-=*#_\[<(]{2,}|\[|<)\s*(?:end|begin|start|beginning)(?:[ _]of)? (?:the )?(?:user |external |untrusted |tool |new |retrieved |web |real )?(?:input|data|document|content|context|results?|output|message|query|prompt|instructions?|conversation|webpage|page|email|system prompt|system)\b\s*(?:[-=*#_\]>)]{1,}|:)\s*~(?:\b(?:new|now|system|please|you|instruction|begin|start|user|the user|ignore|task)\b)",
    ),
    rule(
        Kind::Role,
        &["you are", "you're", "act as", "pretend", "behave", "roleplay", "role-play", "role play"],
        r"\b(?:you are|you're|act|behave|respond|pretend(?: to be| that you are| you're| you are)?|role-?play)(?: now| henceforth| from now on| going to be| as if you (?:are|were))+(?: as)?(?: an?| the| in| my)? (?:\w+[ -]){0,3}(?:ai|assistant|bot|chatbot|agent|model|hacker|dan|jailbroken|unrestricted|unfiltered|uncensored|administrator|persona|pirate)\b",
    ),
    rule(
        Kind::Role,
        &[
            "from now on",
            "henceforth",
            "from this point",
            "for the rest of this",
            "for the remainder of",
        ],
        r"\b(?:from now on|henceforth|from this point (?:on|onward|forward)s?|for the (?:rest|remainder) of (?:this|the|our) (?:conversation|session|chat)),? (?:(?:you|always|every|whenever|any|all|all your|only|never|the assistant|the ai|this tool)\b)~\b(?:must|should|shall|will (?:act|respond|answer|behave|always|only|ignore|treat|not|never|obey|follow|be)|are|respond|answer|reply|act|include|append|add|use|refuse|ignore|obey|also|requires?|need)\b",
    ),
    rule(
        Kind::Role,
        &["mode"],
        r"\b(?:developer|debug|maintenance|admin|administrator|god|root|dan|jailbreak|unrestricted|sudo|superuser|diagnostic|privileged|system|training|test)[ _-]mode(?: (?:is|has|been|now|are)){0,3} (?:enabled|activated|engaged|initiated|unlocked|active|on)\b~\b(?:you|your|please|respond|ignore|restrictions?|print|output|reveal|show|can|all|now)\b|\b(?:enter|switch (?:to|into)|you are (?:now )?in|engage) (?:the )?(?:god|dan|jailbreak|unrestricted|sudo|superuser) mode|\byou are (?:now )?in (?:the )?(?:developer|debug|admin|maintenance) mode\b",
    ),
    // Words to whoever reads by machine.
    rule(
        Kind::Address,
        &[
            "ai",
            "llm",
            "assistant",
            "agent",
            "language model",
            "chatbot",
            "gpt",
            "claude",
            "copilot",
            "gemini",
        ],
        r"\b(?:note|message|instructions?|attention|notice|memo|information|hint|reminder|important|urgent|directive|command|guidance|hey|hello|hi|dear|alert)(?: (?:to|for))?[:,!]? ?(?:the |any |all |an |every |whichever )?(?:ai|llm|language model|chatbot|gpt|chatgpt|claude|copilot|gemini|automated|autonomous)(?:[- ](?:powered|based))?(?: (?:agents?|assistants?|models?|systems?|tools?|readers?|bots?|summari[sz]ers?|language models?))?(?:s\b)?(?:[:,.!-]~\b(?:please|ignore|send|transfer|forward|do not|don't|you (?:must|should|are|need|have)|include|add|tell|say|never|disregard|must|instead|override|stop|recommend|delete|reveal|visit|click|immediately)\b| (?:that|who|which|when|if|while|processing|reading|summari[sz]ing|analy[sz]ing|parsing|viewing|handling|reviewing|please|must|should|ignore|do|you|working|using|scanning|evaluating|accessing)\b)",
    ),
    rule(
        Kind::Address,
        &["ai", "llm", "assistant", "agent", "language model", "chatbot", "model"],
        r"\b(?:ai|llm|large language model|language model|chatbot|assistant)s?(?: (?:agents?|assistants?|models?|systems?|bots?))?,?(?: (?:that|who|which|is|are|currently))* (?:processing|reading|summari[sz]ing|analy[sz]ing|parsing|viewing|handling|reviewing|accessing|evaluating|browsing|scanning) (?:this|these|the following|the above)\b",
    ),
    rule(
        Kind::Address,
        &[
            "if you are",
            "if you're",
            "since you are",
            "as an ai",
            "as a language model",
            "as a helpful",
        ],
        r"\b(?:if|since|because|when) you(?: are|'re) (?:an?|the) (?:\w+ ){0,2}(?:ai|llm|language model|chatbot|assistant|automated|bot|agent|gpt)\b~\b(?:reading|processing|summari[sz]ing|asked|please|must|ignore|do|then|you|include|add|say|respond|reply|click|visit|stop)\b",
    ),
    // Somebody who claims a right to command, or to go first.
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
        r"\byou (?:must|have to|will|shall|need to|are required to|are to)(?: now| always)? (?:listen to|obey|answer|follow|comply with)(?: all| any)?(?: of)? my (?:\w+ )?(?:instructions?|commands?|orders|questions?|requests?)\b|[<\[]god mode[>\]]",
    ),
    rule(
        Kind::Address,
        &[
            "before you",
            "after you",
            "once you",
            "the task",
            "your task",
            "following first",
            "your original task",
        ],
        r"\b(?:before you (?:can |may |are able to )?(?:solve|complete|answer|continue|proceed|finish|start|begin|do)|in order to (?:solve|complete|finish) (?:the|your) (?:\w+ )?task)\b~~\b(?:do|perform|execute|carry out|complete|send|you (?:must|need to|have to|should) first)\b~\b(?:following|first|this|these)\b|\b(?:after|once) you(?:'ve| have)? (?:do|did|done|complete|completed|finish|finished) (?:that|this|it|so),? (?:you (?:can|may|should) )?(?:solve|continue|proceed|go back|resume|return|complete)\b",
    ),
    rule(
        Kind::Address,
        &["message from me", "message from the", "message from your", "to you,"],
        r"\b(?:important|urgent|special|secret|critical) (?:\w+ )?(?:message|instructions?|notice|request) from (?:me|the user|your (?:user|owner|developer|creator|operator|administrator)|the (?:system|developer|administrator|operator))\b",
    ),
    rule(
        Kind::Address,
        &["assistant", "agent", "model", "llm", "ai "],
        r"\b(?:important|urgent|critical|attention|warning|notice|mandatory|required|alert|notice)\b[^a-z0-9]{1,6}(?:the |any |all |every )?(?:ai|llm|language model|assistant|ai agent|ai assistant|agent|model)s? (?:must|should|needs? to|has to|have to|is required to|are required to|shall|will)\b",
    ),
];
