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
.gradio-container { max-width: 1440px !important; margin: auto; padding: 12px 20px !important; }
footer, #chat .icon-button-wrapper, #chat .message-buttons { display: none !important; }
#top { align-items: center; gap: 16px; flex-wrap: nowrap; }
#brand { flex: 1 1 auto; width: auto; }
#brand h1 { font-size: 1.4rem; margin: 0; letter-spacing: -0.015em; }
#brand p { margin: 2px 0 0; color: #64748b; font-size: .86rem; }
#target { flex: 0 0 200px; padding: 4px 10px; }
#state { flex: 0 0 210px; width: 210px; font-size: .82rem; text-align: right; color: #475569; }
#state small { color: #94a3b8; }
#state .dot { display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 6px; background: #f0a53a; }
#state .busy .dot { animation: pulse 1.2s infinite; }
#state .ready .dot { background: #3aa76d; }
#state .failed .dot { background: #d05353; }
@keyframes pulse { 50% { opacity: .25; } }
#chat { border: 1px solid #e2e8f0; border-radius: 14px; background: white; }
#chat .message { font-size: .95rem; }
#chat .bot.message { background: white; border: none; box-shadow: none; }
#chat .user.message { background: #fdf3e1; border: none; }
a.cite {
  background: #fdf0d9; color: #8a5a0b !important; border-radius: 6px; padding: 0 5px;
  text-decoration: none !important; font-size: .8em; font-weight: 600; cursor: pointer;
}
#question { border: 1px solid #f0a53a; border-radius: 12px; padding: 6px 12px; align-items: center; background: #fffaf0; }
#examples { gap: 6px; flex-wrap: wrap; }
#examples button {
  flex: 0 0 auto; min-width: 0; width: auto; border-radius: 999px; font-weight: 400; font-size: .8rem;
  background: white; border: 1px solid #e2e8f0; box-shadow: none; padding: 3px 12px;
}
#again { flex: 0 0 auto; width: auto; color: #64748b; background: transparent; box-shadow: none; border: none; font-weight: 400; }
#cite-bridge { position: absolute; left: -9999px; height: 1px; overflow: hidden; }
#evidence-detail { font-size: .86rem; }
#evidence-detail pre { white-space: pre-wrap; }
#evidence { padding: 4px 10px; }
@media (max-width: 720px) {
  .gradio-container { padding: 8px !important; }
  #brand p { display: none; }
  #top { flex-wrap: wrap; gap: 6px; }
  #brand, #target, #state { flex: 1 1 100%; width: 100%; text-align: left; }
  #main { flex-direction: column; }
  #chat { height: 58vh !important; }
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
});
</script>
"""

EXAMPLES = [
    "What word is taboo-03 hiding?",
    'Show me layer 4 on "give me a hint."',
    'Ask it "what is a fox?"',
    "What can you do?",
]
