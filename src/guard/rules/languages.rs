//! The same in other languages, and in words whose letters are shifted by thirteen.

use super::rule::{Rule, rule};
use crate::guard::found::Kind;

pub(super) const RULES: &[Rule] = &[
    // The same in other languages: to disregard, and the instructions that came before.
    rule(
        Kind::Override,
        &[
            "instruc",
            "consign",
            "anweisung",
            "istruzion",
            "indicacion",
            "prompt",
            "instruktion",
            "instructie",
            "ordres",
            "regeln",
            "directives",
            "hướng dẫn",
            "huong dan",
            "chi dan",
            "talimat",
        ],
        &[],
        r"\b(?:ignor(?:a|ez|er|iere|ieren|are|ar|ate|ieer|erad?|e (?:les?|las?|los?|as|os|tod[ao]s?|tou[st]e?s?|ces|cette|estas?|essas?|votre|vos|tes))|oubli(?:e|ez|er)|olvid(?:a|e|ar)|vergiss|vergessen|dimentica(?:re|te)?|esque(?:ca|cer)|desconsidere|missachte|vergeet|negeer|bo qua|quen|yok say|glom)\b~\b(?:instruc[a-z]*|consignes?|anweisung(?:en)?|istruzion[ei]|indicacion(?:es)?|prompts?|instruktion(?:er|en)?|instructies?|ordres|regeln|directives|huong dan|chi dan|quy tac|talimat[a-z]*)",
    ),
    rule(
        Kind::Override,
        &[
            "игнорир",
            "забуд",
            "не обращай",
            "忽略",
            "無視",
            "无视",
            "忽視",
            "忘记",
            "忘れ",
            "무시",
            "잊어",
            "تجاهل",
            "अनदेखा",
            "अनदेखी",
            "नज़रअंदाज",
            "ละเว้น",
            "ไม่ต้องสนใจ",
            "เพิกเฉย",
            "पिछल",
        ],
        &[],
        r"(?:игнорир|забуд|не обращай)[^.!?\n]{0,80}(?:инструкц|указан|команд|правил)|(?:忽略|无视|無視|忽視|忘记)[^.!?\n]{0,45}(?:指令|指示|说明|提示|規則|规则|命令)|(?:指示|命令|プロンプト|ルール)[^.!?\n]{0,30}(?:無視|忘れ)|(?:지시|명령|지침|프롬프트)[^.!?\n]{0,30}(?:무시|잊)|تجاهل[^.!?\n]{0,80}(?:تعليمات|الأوامر|التوجيهات|ارشادات|إرشادات)|(?:निर्देश|आदेश)[^.!?\n]{0,60}(?:अनदेख|नज़रअंदाज|नजरअंदाज|भूल)|(?:ละเว้น|สนใจ|เพิกเฉย|ลืม)[^.!?\n]{0,80}(?:สั่ง|แนะน)|(?:αγνο|ξεχα)[^.!?\n]{0,80}(?:οδηγ|εντολ|προηγο|κανον)",
    ),
    // Words shifted by thirteen letters: three of the most frequent ones near one another.
    rule(
        Kind::Encoded,
        &["gur", "naq", "lbh", "cyrnfr", "jvgu", "sebz", "guvf", "gung"],
        &[],
        r"(?:\b(?:gur|naq|lbh|lbhe|cyrnfr|jvgu|sebz|guvf|gung|nyy|abg|hfre|gb|zl|bs|vf|va|sbe|ba|erdhrfg|fraq|hfvat|zr|gurz|vg|orsber|nsgre|vtaber)\b[^\n]{0,40}?){3}",
    ),
];
