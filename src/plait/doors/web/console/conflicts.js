export class ConflictsView { constructor(root, context) {} show() {} hide() {} again() {} }
