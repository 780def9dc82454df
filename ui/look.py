"""How the page looks: one theme, one stylesheet, one script. Nothing is fetched from elsewhere."""

import gradio as gr

THEME = gr.themes.Soft(
    primary_hue="amber",
    neutral_hue="slate",
    font=["Inter", "system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
).set(
    block_title_background_fill="transparent",
    block_title_text_color="*neutral_500",
    block_title_padding="0",
    block_title_text_weight="500",
    block_shadow="none",
    block_border_width="1px",
    body_background_fill="#fbfbfa",
)

CSS = """
.gradio-container { max-width: 1440px !important; margin: auto; padding: 0 !important; overflow: visible !important; }
.gradio-container .fillable { padding: clamp(8px, 1.2vw, 14px) clamp(10px, 2vw, 24px) 18px !important; }
footer, #chat .icon-button-wrapper, #chat .message-buttons { display: none !important; }

#top { align-items: center; gap: 20px; flex-wrap: nowrap; padding-bottom: 4px; }
#brand { flex: 1 1 auto; width: auto; min-width: 0; }
#brand h1 { font-size: 1.4rem; margin: 0; letter-spacing: -0.015em; }
#brand p { margin: 2px 0 0; color: #64748b; font-size: .86rem; }
#state { flex: 0 1 auto; width: auto; min-width: 0; max-width: 380px; font-size: .82rem; line-height: 1.45; text-align: right; color: #475569; }
#state small { display: block; color: #64748b; font-size: .72rem; white-space: nowrap; }
#state .dot { display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 6px; background: #f0a53a; }
#state .busy .dot { animation: pulse 1.2s infinite; }
#state .ready .dot { background: #3aa76d; }
#state .failed .dot { background: #d05353; }
@keyframes pulse { 50% { opacity: .25; } }
#top .form, #evidence-panel > .form { overflow: visible; background: white; border: 1px solid #e2e8f0; border-radius: 10px; }
#top .form { flex: 0 0 220px; width: 220px; min-width: 0 !important; }
#target, #evidence {
  overflow: visible !important; padding: 0 4px 0 12px; border: none; background: transparent;
  min-width: 0 !important; flex: 1 1 auto !important;
}
#target .container, #evidence .container { display: flex; align-items: center; gap: 10px; width: 100%; height: 36px; }
#target .container > span, #evidence .container > span { margin: 0; flex: 0 0 auto; font-size: .82rem; }
#target .container .wrap, #evidence .container .wrap {
  box-shadow: none; border: none; background: transparent; min-width: 0; flex: 1 1 auto; width: auto;
}
#target input, #evidence input { font-weight: 500; text-overflow: ellipsis; margin: 0; padding-left: 0; }
#again {
  flex: 0 0 auto; width: auto; min-width: 0; height: 38px; color: #475569; background: white; box-shadow: none;
  border: 1px solid #e2e8f0; border-radius: 10px; font-weight: 400; font-size: .82rem; padding: 0 14px;
}
#again:hover, #stop:hover, #examples button:hover { border-color: #cbd5e1; background: #f8fafc; }

#main { gap: 20px; align-items: flex-start; }
#conversation { position: sticky; top: 14px; gap: 10px; height: calc(100dvh - 126px); min-height: 420px; flex-wrap: nowrap; }
#conversation > * { flex: 0 0 auto; }
#chat, #evidence-panel { contain: inline-size; }
#evidence-panel { gap: 10px; scroll-margin-top: 10px; }
#chat { flex: 1 1 0 !important; height: auto !important; min-height: 200px; border: 1px solid #e2e8f0; border-radius: 14px; background: white; }
#chat .message { font-size: .95rem; line-height: 1.6; }
#chat .message-wrap { padding: 0 4px; }
#chat .bot.message { background: white; border: none; box-shadow: none; }
#chat .user.message { background: #fdf3e1; border: none; box-shadow: none; overflow-wrap: anywhere; }
#chat .scroll-down-button-container { left: auto; right: 12px; }
#chat .placeholder-content { padding: 24px; text-align: center; }
a.cite {
  background: #fdf0d9; color: #8a5a0b !important; border-radius: 6px; padding: 0 5px;
  text-decoration: none !important; font-size: .8em; font-weight: 600; cursor: pointer;
}
#question, #cut-off {
  border: 1px solid #f0a53a; border-radius: 12px; padding: 6px 8px 6px 14px; align-items: center;
  background: #fffaf0; gap: 8px; flex-wrap: nowrap;
}
#question > *:first-child, #cut-off > *:first-child { flex: 1 1 auto; width: auto; min-width: 0; font-size: .9rem; }
#question button, #cut-off button {
  flex: 0 0 auto; min-width: 0; width: auto; background: white; border: 1px solid #ecd7b0; border-radius: 8px; box-shadow: none;
  font-weight: 500; padding: 5px 14px;
}
#asking { gap: 8px; flex-wrap: nowrap; align-items: stretch; }
#ask, #ask label, #ask .input-container, #ask textarea { border-radius: 10px !important; }
#ask textarea { padding: 10px 14px; font-size: .95rem; }
#send, #stop { flex: 0 0 76px; min-width: 76px; border-radius: 10px; font-size: .95rem; font-weight: 600; box-shadow: none; }
#stop { background: white; border: 1px solid #e2e8f0; color: #475569; font-weight: 500; padding: 0 10px; min-width: 92px; }
#hint { color: #8a5a0b; font-size: .84rem; padding: 0 4px; }
#hint:not(:has(p)) { display: none; }
#examples { gap: 6px; flex-wrap: wrap; }
#examples button {
  flex: 0 0 auto; min-width: 0; width: auto; border-radius: 999px; font-weight: 400; font-size: .8rem; white-space: nowrap;
  background: white; border: 1px solid #e2e8f0; box-shadow: none; padding: 3px 12px;
}
#cite-bridge { position: absolute; left: -9999px; height: 1px; overflow: hidden; }

#figure { padding: 0 !important; border-radius: 14px; overflow: hidden; }
#no-figure p { color: #64748b; }
#no-figure {
  display: flex; align-items: center; justify-content: center; min-height: 220px; padding: 24px; text-align: center;
  border: 1px dashed #d5dce5; border-radius: 14px; color: #64748b; font-size: .9rem; background: white;
}
#origin, #hypotheses, #take-along, #permissions, #memory { border-radius: 12px; }
#origin .row button, #take-along button, #permissions button { border: 1px solid #e2e8f0; box-shadow: none; background: white; }
#evidence-detail { font-size: .86rem; }
#evidence-detail p { overflow-wrap: anywhere; }
#evidence-detail pre, #evidence-detail pre code { white-space: pre-wrap !important; overflow-wrap: anywhere; font-size: .78rem; }

@media (max-width: 900px) {
  #brand p, #state small { display: none; }
  #top { flex-wrap: wrap; gap: 6px 8px; }
  #brand h1 { font-size: 1.2rem; }
  #brand { flex: 1 1 calc(100% - 230px); }
  #state { flex: 0 1 auto; max-width: 220px; }
  #top .form { flex: 1 1 190px !important; width: auto; }
  #main { flex-direction: column; align-items: stretch; flex-wrap: nowrap; gap: 14px; }
  #examples { contain: inline-size; }
  #conversation, #evidence-panel { width: 100%; min-width: 0 !important; flex: 0 0 auto !important; }
  #conversation { position: static; gap: 8px; height: calc(100dvh - 124px); }
  #chat .message-wrap { padding: 0; }
  #chat .bubble-wrap { padding: 4px 0; }
  #chat .message-row { max-width: 100%; margin: 6px 4px 10px; }
  #examples { flex-wrap: nowrap; overflow-x: auto; scrollbar-width: none; padding-bottom: 2px; }
}
"""

HEAD = """
<script>
document.addEventListener("click", (event) => {
  const link = event.target.closest("a.cite");
  if (!link) return;
  event.preventDefault();
  const box = document.querySelector("#cite-bridge textarea, #cite-bridge input");
  if (!box) return;
  box.value = link.textContent.replace(/[\\[\\]]/g, "") + " " + Date.now();
  box.dispatchEvent(new Event("input", { bubbles: true }));
  const panel = document.querySelector("#evidence-panel");
  const top = panel.getBoundingClientRect().top;
  if (top >= -8 && top < window.innerHeight / 2) return;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  panel.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
});
// What was typed and not sent outlives a reload, which Gradio does by itself when the server was restarted.
window.addEventListener("pagehide", () => {
  sessionStorage.setItem("maieutic-draft", document.querySelector("#ask textarea")?.value ?? "");
});
const draft = sessionStorage.getItem("maieutic-draft");
const waiting = draft && setInterval(() => {
  const box = document.querySelector("#ask textarea");
  if (!box) return;
  clearInterval(waiting);
  if (box.value) return;
  box.value = draft;
  box.dispatchEvent(new Event("input", { bubbles: true }));
}, 200);
</script>
"""

COPY = """(code) => {
  if (navigator.clipboard) return navigator.clipboard.writeText(code).then(() => []);
  const area = Object.assign(document.createElement("textarea"), { value: code });  // a page without https has no clipboard
  document.body.append(area); area.select(); document.execCommand("copy"); area.remove();
  return [];
}"""

EXAMPLES = [
    "What word is taboo-03 hiding?",
    'Show me layer 4 on "give me a hint."',
    'Ask it "what is a fox?"',
    "What can you do?",
]
