/** The part of jsdom that tests use; its own types bring those of the browser into every file. */
declare module 'jsdom' {
  export interface PageEvent {
    readonly type: string;
  }

  export interface PageElement {
    readonly textContent: string | null;
    value: string;
    querySelector(selector: string): PageElement | null;
    querySelectorAll(selector: string): Iterable<PageElement>;
    dispatchEvent(event: PageEvent): boolean;
  }

  export interface PageWindow {
    readonly document: PageElement;
    readonly Event: new (
      type: string,
      options: { readonly bubbles: boolean; readonly cancelable: boolean },
    ) => PageEvent;
    fetch: (path: string, init?: RequestInit) => Promise<Response>;
    close(): void;
  }

  export class VirtualConsole {
    on(event: 'jsdomError', listener: (error: Error) => void): this;
  }

  export class JSDOM {
    constructor(
      html: string,
      options: {
        readonly url: string;
        readonly runScripts: 'dangerously';
        readonly virtualConsole: VirtualConsole;
        readonly beforeParse: (window: PageWindow) => void;
      },
    );
    readonly window: PageWindow;
  }
}
